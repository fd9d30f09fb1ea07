/** The runtime that the tests run on: the one place that finds it out instead of being told. */

import type { Runtime } from "../../src/runtime/mod.ts";

/** Its name: tests of real processes run the nodes of the runtime that they run on themselves. */
export const runtimeName: "bun" | "deno" = "Deno" in globalThis ? "deno" : "bun";

/**
 * What is drawn from a seed is the same on both runtimes: half of the seeds are run on each. This
 * is the place of the runtime's half.
 */
export const ownHalf: 0 | 1 = runtimeName === "bun" ? 0 : 1;

export async function currentRuntime(): Promise<Runtime> {
  const module: { readonly createRuntime: () => Runtime } = await import(
    `../../src/runtime/${runtimeName}.ts`
  );
  return module.createRuntime();
}
