/** The runtime that the tests run on: the one place that finds it out instead of being told. */

import type { Runtime } from "../../src/runtime/mod.ts";

export async function currentRuntime(): Promise<Runtime> {
  const name = "Deno" in globalThis ? "deno" : "bun";
  const module: { readonly createRuntime: () => Runtime } = await import(
    `../../src/runtime/${name}.ts`
  );
  return module.createRuntime();
}
