/** Has seeds run by a thread of its own (seed_worker.ts), one at a time. */

import { Worker } from "node:worker_threads";
import type { Overrides } from "../../test/simulation/overrides.ts";
import type { RunOptions } from "../../test/simulation/simulation.ts";
import type { SeedReport } from "./many_seeds.ts";

/** What the thread is asked for. */
export interface SeedOrder {
  readonly seed: number;
  readonly overrides: Overrides;
  /** The stores keep their rows in SQLite. */
  readonly isOnSqlite: boolean;
}

export async function runOptionsOf(isOnSqlite: boolean): Promise<RunOptions> {
  if (!isOnSqlite) return {};
  return { makeTables: (await import("../../test/harness/memory_sqlite.ts")).memorySqliteTables };
}

export class SeedThread {
  readonly #worker = new Worker(new URL("./seed_worker.ts", import.meta.url));

  run(order: SeedOrder): Promise<SeedReport> {
    const worker = this.#worker;
    return new Promise<SeedReport>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", (code) => {
        reject(new Error(`The thread ends with ${code} in seed ${order.seed}`));
      });
      worker.postMessage(order);
    }).finally(() => worker.removeAllListeners());
  }

  end(): Promise<unknown> {
    return this.#worker.terminate();
  }
}
