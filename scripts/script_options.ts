/** The command line of a script: options with a value, flags without one, and --help. */

import process from "node:process";
import { parseArgs } from "node:util";

/**
 * The value of every option in `defaults`, as typed; of those in `flags`, which take no value,
 * "yes" when they were given. Ends the process after --help, and with code 2 and the usage where an
 * option is unknown or lacks its value.
 */
export function scriptOptions<Name extends string>(
  usage: string,
  defaults: Readonly<Record<Name, string>>,
  flags: readonly NoInfer<Name>[] = [],
): Readonly<Record<Name, string>> {
  const isFlag = (name: string): boolean => flags.some((flag) => flag === name);
  const options = Object.fromEntries(
    ["help", ...Object.keys(defaults)].map((name) => {
      const type = name === "help" || isFlag(name) ? "boolean" : "string";
      return [name, { type } as const];
    }),
  );
  try {
    const given = Object.entries(parseArgs({ options }).values).map(([name, value]) =>
      [name, value === true ? "yes" : String(value)] as const
    );
    const wantsHelp = given.some(([name]) => name === "help");
    if (!wantsHelp) return { ...defaults, ...Object.fromEntries(given) };
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error), usage);
  }
  console.log(usage);
  process.exit(0);
}

/** A value that is a count from 1 on; otherwise ends the process like an unknown option. */
export function countOption(name: string, text: string, usage: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  return refuse(`${name} is ${JSON.stringify(text)}; allowed is a number from 1 on`, usage);
}

/** Says what is wrong, and how it is right. */
export function refuse(problem: string, usage: string): never {
  console.error(`${problem}\n${usage}`);
  process.exit(2);
}
