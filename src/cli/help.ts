/** Help texts. */

import type { Command } from "./command.ts";
import { type Option, optionVariable } from "./option.ts";

/** Every command with its line, and the exit codes. */
export function generalHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`);
  return [
    "skein: a strongly consistent, replicated key-value service\n\n",
    "Usage: skein COMMAND [ARGUMENTS]\n\n",
    "Commands:\n",
    ...lines,
    "\nExample: skein dev\n",
    "Help on a command: skein COMMAND --help\n",
    "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 condition failed, 5 unreachable,\n",
    "6 outcome unknown\n",
  ].join("");
}

/** Usage, options and the example of one command. */
export function commandHelp({ name, summary, operands, options, example }: Command): string {
  const usage = ["skein", name, operands, options.length === 0 ? "" : "[OPTIONS]"];
  const heads = options.map(optionHead);
  const width = Math.max(0, ...heads.map((head) => head.length));
  const lines = options.map((option, at) => {
    const variable = option.variable === true ? ` [${optionVariable(option)}]` : "";
    return `  ${(heads[at] ?? "").padEnd(width)}  ${option.description}${variable}\n`;
  });
  return [
    `${summary}\n\n`,
    `Usage: ${usage.filter((word) => word !== "").join(" ")}\n`,
    ...(options.length === 0 ? [] : ["\nOptions:\n", ...lines]),
    `\nExample: ${example}\n`,
  ].join("");
}

function optionHead({ name, short, value }: Option): string {
  const long = `--${name}${value === undefined ? "" : ` ${value}`}`;
  return short === undefined ? long : `-${short}, ${long}`;
}
