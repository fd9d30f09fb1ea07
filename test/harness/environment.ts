/** The environment of programs under test. */

import process from "node:process";

/** This process's own, without the settings of tests and of whoever runs them. */
export function programEnvironment(): Readonly<Record<string, string>> {
  const given = Object.entries(process.env);
  const kept = given.flatMap(([name, value]) =>
    value === undefined || name.startsWith("SKEIN_") ? [] : [[name, value] as const]
  );
  return Object.fromEntries(kept);
}
