/**
 * Runs seeds in a thread of its own (seed_thread.ts): a run is one long turn, in which a signal
 * would have to wait.
 */

import process from "node:process";
import { parentPort } from "node:worker_threads";
import { planOf } from "../../test/simulation/overrides.ts";
import { simulate } from "../../test/simulation/simulation.ts";
import type { SeedReport } from "./many_seeds.ts";
import { runOptionsOf, type SeedOrder } from "./seed_thread.ts";

const collectEverySeeds = 10;
let seeds = 0;

async function run({ seed, overrides, isOnSqlite }: SeedOrder): Promise<SeedReport> {
  const options = await runOptionsOf(isOnSqlite);
  const startMs = performance.now();
  const { history: _, transcript: __, ...report } = simulate(planOf(seed, overrides), options);
  const ms = performance.now() - startMs;
  if (++seeds % collectEverySeeds === 0) collectGarbage();
  return { ...report, ms };
}

/** In long turns Bun is late with the memory behind typed arrays, and would fill the machine. */
function collectGarbage(): void {
  if ("Bun" in globalThis) Bun.gc(true);
}

parentPort?.on("message", (order: SeedOrder) => {
  // What the simulator itself throws ends the thread, and is told where it was started.
  run(order).then((report) => parentPort?.postMessage(report), (error) => {
    console.error(error);
    process.exit(1);
  });
});
