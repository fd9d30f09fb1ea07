/** The runtime that the tests run on: the one place that finds it out instead of being told. */

import type { Runtime } from "../../src/runtime/mod.ts";

/** Its name: tests of real processes run the nodes of the runtime that they run on themselves. */
export const runtimeName: "bun" | "deno" = "Deno" in globalThis ? "deno" : "bun";

export async function currentRuntime(): Promise<Runtime> {
  const module: { readonly createRuntime: () => Runtime } = await import(
    `../../src/runtime/${runtimeName}.ts`
  );
  return module.createRuntime();
}
