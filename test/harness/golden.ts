/**
 * Data-driven tests in the manner of cockroachdb/datadriven: a text file is the script and the
 * expectation at once, so that a reader sees what happens and a reviewer reads the difference.
 *
 * A file is a series of directives, each followed by a blank line or the end of the file:
 *
 *     # Prose, as much as helps. Lines that start with # and blank lines between directives stay.
 *     command word word name=value name=(value, value)
 *     input lines, as many as there are, none of them blank, up to the line of dashes
 *     ----
 *     expected output, up to the first blank line
 *
 * The command line is split at blanks. A word with `=` is a named value, in parentheses a list of
 * them split at commas; any other word is positional. A word that the command does not read is an
 * error, so that a misspelt one never passes in silence. Output that holds a blank line is fenced:
 *
 *     command
 *     ----
 *     ----
 *     expected output
 *
 *     with blank lines
 *     ----
 *     ----
 *
 * Blanks at the end of a line and blank lines at the end of the output do not count. With the
 * environment variable SKEIN_REWRITE=1 nothing is compared: the file is written anew with what the
 * commands really gave, everything else as it was. Then read the difference, every line of it.
 */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";
import { describe, it } from "./test.ts";

/** The file is not in the format, a word is wrong, or the output is not the expected one. */
export class GoldenError extends Error {
  override readonly name = "GoldenError";
}

/** Executes one directive and returns its output. */
export type GoldenRunner = (directive: Directive) => string;

/**
 * One command of a script. Reading a word takes it; what is left at the end is refused by
 * {@link Directive.finish}.
 */
export class Directive {
  readonly command: string;
  /** The lines between the command and the dashes. */
  readonly input: readonly string[];
  /** `file:line`, for messages. */
  readonly place: string;
  readonly #words: string[] = [];
  readonly #named = new Map<string, readonly string[]>();

  constructor(line: string, input: readonly string[], place: string) {
    const [command, ...rest] = splitWords(line, place);
    this.command = command ?? "";
    this.input = input;
    this.place = place;
    for (const word of rest) this.#add(word);
  }

  #add(word: string): void {
    const at = word.indexOf("=");
    if (at < 0) {
      this.#words.push(word);
      return;
    }
    const name = word.slice(0, at);
    const value = word.slice(at + 1);
    if (this.#named.has(name)) throw this.error(`${name} is given twice`);
    this.#named.set(name, value.startsWith("(") ? splitList(value) : [value]);
  }

  /** Takes the next positional word; `what` says what it is, for the message when it is missing. */
  word(what: string): string {
    const word = this.#words.shift();
    if (word === undefined) throw this.error(`${what} is missing`);
    return word;
  }

  /** Takes the next positional word as a non-negative integer. */
  count(what: string): number {
    return this.#integer(what, this.word(what));
  }

  /** Takes all positional words that are left. */
  words(): readonly string[] {
    return this.#words.splice(0);
  }

  /** Takes the positional word `name` wherever it stands; false when it is not there. */
  flag(name: string): boolean {
    const at = this.#words.indexOf(name);
    if (at < 0) return false;
    this.#words.splice(at, 1);
    return true;
  }

  /** Takes the named value; undefined when it is absent. */
  value(name: string): string | undefined {
    const values = this.values(name);
    if (values !== undefined && values.length !== 1) {
      throw this.error(`${name} wants one value, got ${values.length}`);
    }
    return values?.[0];
  }

  /** Takes the named value as a non-negative integer; undefined when it is absent. */
  integer(name: string): number | undefined {
    const value = this.value(name);
    return value === undefined ? undefined : this.#integer(name, value);
  }

  /** Takes the named list, one value being a list of one; undefined when it is absent. */
  values(name: string): readonly string[] | undefined {
    const values = this.#named.get(name);
    this.#named.delete(name);
    return values;
  }

  /** Takes the named list as non-negative integers; undefined when it is absent. */
  integers(name: string): readonly number[] | undefined {
    return this.values(name)?.map((value) => this.#integer(name, value));
  }

  /** Refuses words that nobody read. */
  finish(): void {
    const left = [...this.#words, ...[...this.#named.keys()].map((name) => `${name}=`)];
    if (left.length > 0) throw this.error(`does not know ${left.join(" ")}`);
  }

  /** An error that names the file, the line and the command. */
  error(message: string): GoldenError {
    return new GoldenError(`${this.place}: ${this.command}: ${message}`);
  }

  #integer(name: string, text: string): number {
    const value = Number(text);
    if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(value)) {
      throw this.error(`${name} is ${text}, not an integer`);
    }
    return value;
  }
}

function splitWords(line: string, place: string): readonly string[] {
  const words = line.match(/[^\s()]*\([^()]*\)(?!\S)|[^\s()]+(?=\s|$)/g) ?? [];
  // Whatever the pattern left over (a parenthesis without its partner) must not vanish in silence.
  const left = words.reduce((text, word) => text.replace(word, ""), line).trim();
  if (left !== "") throw new GoldenError(`${place}: cannot split ${left}`);
  return words;
}

function splitList(text: string): readonly string[] {
  const inner = text.slice(1, -1).trim();
  return inner === "" ? [] : inner.split(",").map((value) => value.trim());
}

/** Prose and blank lines as they are, or a directive with its expectation. */
type Block =
  | { readonly kind: "prose"; readonly line: string }
  | {
    readonly kind: "directive";
    readonly lines: readonly string[];
    readonly directive: Directive;
    readonly expected: string;
  };

/**
 * Runs every directive of the text in order. Returns the text with the real outputs; throws a
 * {@link GoldenError} at the first that is not the expected one, unless `rewrite`.
 */
export function runGolden(text: string, options: {
  readonly name: string;
  readonly run: GoldenRunner;
  readonly rewrite: boolean;
}): string {
  const written: string[] = [];
  for (const block of parse(text, options.name)) {
    if (block.kind === "prose") {
      written.push(block.line);
      continue;
    }
    const output = normalise(options.run(block.directive));
    block.directive.finish();
    if (!options.rewrite && output !== block.expected) throw mismatch(block, output);
    written.push(...block.lines, ...render(output), "");
  }
  while (written.at(-1) === "") written.pop();
  return written.join("\n") + "\n";
}

/**
 * Registers one test per `*.txt` file of the folder, sorted by name. `makeRunner` makes a fresh
 * environment for each file.
 */
export function goldenSuite(folder: string, makeRunner: () => GoldenRunner): void {
  const files = readdirSync(folder).filter((name) => name.endsWith(".txt")).sort();
  if (files.length === 0) throw new GoldenError(`${folder} holds no *.txt file`);
  describe(basename(folder), () => {
    for (const file of files) {
      it(file.slice(0, -".txt".length), () => runGoldenFile(join(folder, file), makeRunner()));
    }
  });
}

/** More than that is more than one phenomenon. */
const linesMax = 80;

/** Runs one file, and writes it anew when SKEIN_REWRITE=1 stands in the environment. */
export function runGoldenFile(path: string, run: GoldenRunner): void {
  const rewrite = process.env["SKEIN_REWRITE"] === "1";
  const before = readFileSync(path, "utf8");
  const { length } = before.trimEnd().split("\n");
  if (length > linesMax) {
    throw new GoldenError(`${basename(path)} has ${length} lines, allowed are ${linesMax}`);
  }
  const after = runGolden(before, { name: basename(path), run, rewrite });
  if (rewrite && after !== before) writeFileSync(path, after);
}

function parse(text: string, name: string): readonly Block[] {
  const lines = text.split("\n").map((line) => line.trimEnd());
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at]!;
    if (line === "" || line.startsWith("#")) {
      blocks.push({ kind: "prose", line });
      at++;
      continue;
    }
    const place = `${name}:${at + 1}`;
    const dashes = lines.indexOf("----", at);
    const blank = lines.indexOf("", at);
    if (dashes < 0 || (blank >= 0 && blank < dashes)) {
      throw new GoldenError(`${place}: no ---- behind ${line}`);
    }
    const directive = new Directive(line, lines.slice(at + 1, dashes), place);
    const { expected, next } = readExpected(lines, dashes + 1, place);
    blocks.push({ kind: "directive", lines: lines.slice(at, dashes + 1), directive, expected });
    at = next;
  }
  return blocks;
}

function readExpected(
  lines: readonly string[],
  from: number,
  place: string,
): { readonly expected: string; readonly next: number } {
  if (lines[from] !== "----") {
    const blank = lines.indexOf("", from);
    const end = blank < 0 ? lines.length : blank;
    return { expected: lines.slice(from, end).join("\n"), next: end + 1 };
  }
  for (let end = from + 1; end + 1 < lines.length; end++) {
    if (lines[end] !== "----" || lines[end + 1] !== "----") continue;
    const next = lines[end + 2] === "" ? end + 3 : end + 2;
    return { expected: normalise(lines.slice(from + 1, end).join("\n")), next };
  }
  throw new GoldenError(`${place}: the fence ---- ---- is not closed`);
}

function normalise(output: string): string {
  return output.split("\n").map((line) => line.trimEnd()).join("\n").replace(/\n+$/, "");
}

function render(output: string): readonly string[] {
  if (output === "") return [];
  const lines = output.split("\n");
  const fence = ["----", "----"];
  return lines.includes("") || lines[0] === "----" ? ["----", ...lines, ...fence] : lines;
}

function mismatch(block: Block & { readonly kind: "directive" }, output: string): GoldenError {
  const show = (text: string): string => text === "" ? "  (nothing)" : text.replace(/^/gm, "  ");
  return block.directive.error(
    `unexpected output\n${block.lines.slice(0, -1).join("\n")}\nexpected:\n${
      show(block.expected)
    }\nactual:\n${show(output)}\nIf the actual one is right, SKEIN_REWRITE=1 writes it`,
  );
}
