/**
 * Many files of tests in one module graph. A runner loads everything that a file imports anew for
 * each file, which takes longer than most tests do; the gate hands them here together instead.
 */

import { describe, it, keepRegistrations } from "./test.ts";

/**
 * Loads the files, one after the other, and registers the tests of each in a suite that has the
 * file's path for a name and its hooks for its own. A file that cannot be loaded is a failed test;
 * one that registers nothing makes no suite. Paths are relative to `root`, a URL.
 */
export async function loadTestFiles(root: string, paths: readonly string[]): Promise<void> {
  const suites = new Map<string, readonly (() => void)[]>();
  for (const path of paths) suites.set(path, await registrationsOf(new URL(path, root).href));
  // Only now: a runner may run the body of a suite later, while the next file is being loaded.
  for (const [path, registrations] of suites) {
    if (registrations.length === 0) continue;
    describe(path, () => registrations.forEach((register) => register()));
  }
}

async function registrationsOf(url: string): Promise<readonly (() => void)[]> {
  try {
    return await keepRegistrations(() => import(url));
  } catch (error) {
    return [() => it("can be loaded", () => Promise.reject(error))];
  }
}
