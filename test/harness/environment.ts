/** The environment of programs under test. */

import process from "node:process";

/**
 * Every new node writes its reserve, by default 64 MiB of random bytes, before it is ready. A small
 * one shows as much.
 */
const reserve = { SKEIN_STORAGE__SPACE_RESERVE_BYTES: "1048576" };

/** This process's own, without the settings of tests and of whoever runs them. */
export function programEnvironment(): Readonly<Record<string, string>> {
  const given = Object.entries(process.env);
  const kept = given.flatMap(([name, value]) =>
    value === undefined || name.startsWith("SKEIN_") ? [] : [[name, value] as const]
  );
  return { ...Object.fromEntries(kept), ...reserve };
}
