/** Parses the arguments of one command. Nothing is guessed: what is not understood is an error. */

import { nearest } from "../lib/nearest.ts";
import { type Option, optionVariable } from "./option.ts";
import { UsageError } from "./usage_error.ts";

/** What parsing needs of a command. */
export interface Optioned {
  readonly name: string;
  readonly options: readonly Option[];
}

/** The options and operands that a command was given. */
export class Arguments {
  readonly #values: ReadonlyMap<string, string>;
  readonly operands: readonly string[];

  constructor(values: ReadonlyMap<string, string>, operands: readonly string[]) {
    this.#values = values;
    this.operands = operands;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  text(name: string): string | undefined {
    return this.#values.get(name);
  }

  integer(
    name: string,
    range: { readonly min: number; readonly max: number },
  ): number | undefined {
    const text = this.#values.get(name);
    if (text === undefined) return undefined;
    const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (number >= range.min && number <= range.max) return number;
    throw new UsageError(
      `--${name} is ${
        JSON.stringify(text)
      }; allowed is an integer from ${range.min} to ${range.max}`,
    );
  }

  oneOf<const Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const text = this.#values.get(name);
    if (text === undefined) return undefined;
    const word = words.find((known) => known === text);
    if (word !== undefined) return word;
    throw new UsageError(
      `--${name} is ${JSON.stringify(text)}; allowed is one of ${words.join(", ")}`,
    );
  }

  /** In ms. */
  duration(name: string): number | undefined {
    const text = this.#values.get(name);
    if (text === undefined) return undefined;
    const [, count = "", unit = ""] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
    const ms = Number(count) * (unitMs[unit] ?? NaN);
    if (ms > 0) return ms;
    throw new UsageError(
      `--${name} is ${JSON.stringify(text)}; allowed is a duration such as 500ms, 5s or 1m`,
    );
  }
}

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Throws a {@link UsageError} that names what is wrong. */
export function parseArguments(
  words: readonly string[],
  command: Optioned,
  env: (name: string) => string | undefined,
): Arguments {
  requireText(words);
  const values = new Map<string, string>();
  const operands: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") {
      operands.push(...words.slice(at + 1));
      break;
    }
    if (word === "-" || !word.startsWith("-")) {
      operands.push(word);
      continue;
    }
    const { option, text } = optionOf(word, command);
    if (values.has(option.name)) throw new UsageError(`--${option.name} is given twice`);
    if (option.value === undefined) {
      if (text !== undefined) throw new UsageError(`--${option.name} takes no value`);
      values.set(option.name, "true");
    } else {
      const value = text ?? words[++at];
      if (value === undefined) {
        throw new UsageError(`--${option.name} needs a value: ${option.value}`);
      }
      values.set(option.name, value);
    }
  }
  addVariables(values, command.options, env);
  return new Arguments(values, operands);
}

/**
 * Both runtimes turn bytes that are no UTF-8 into U+FFFD before anybody sees them: two keys would
 * become one, and a value another one.
 */
function requireText(words: readonly string[]): void {
  const lossy = words.find((word) => word.includes("\uFFFD"));
  if (lossy === undefined) return;
  throw new UsageError(
    `${JSON.stringify(lossy)} holds U+FFFD, which stands for bytes that are no UTF-8; ` +
      "--key64 takes any key, - and --file any value",
  );
}

function optionOf(
  word: string,
  command: Optioned,
): { readonly option: Option; readonly text: string | undefined } {
  const equals = word.indexOf("=");
  const text = equals < 0 ? undefined : word.slice(equals + 1);
  const name = equals < 0 ? word : word.slice(0, equals);
  const option = command.options.find((known) =>
    name === `--${known.name}` || (known.short !== undefined && name === `-${known.short}`)
  );
  if (option !== undefined) return { option, text };
  const meant = nearest(name, command.options.map((known) => `--${known.name}`));
  const hint = meant === undefined
    ? `; see skein ${command.name} --help, and give what is no option behind --`
    : `; did you mean ${meant}?`;
  throw new UsageError(`${name} is not an option of skein ${command.name}${hint}`);
}

function addVariables(
  values: Map<string, string>,
  options: readonly Option[],
  env: (name: string) => string | undefined,
): void {
  for (const option of options) {
    if (option.variable !== true || values.has(option.name)) continue;
    const variable = optionVariable(option);
    const text = env(variable);
    if (text === undefined || text === "") continue;
    if (option.value === undefined && text === "false") continue;
    // To pass over it would make a write unconditional that was meant to be conditional.
    if (option.value === undefined && text !== "true") {
      throw new UsageError(`${variable} is ${JSON.stringify(text)}; allowed is true or false`);
    }
    values.set(option.name, text);
  }
}
