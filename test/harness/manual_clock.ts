/** A clock whose timers run when the test says so. */

import type { Clock } from "../../src/node/ports.ts";

export class ManualClock implements Pick<Clock, "every"> {
  readonly #timers = new Map<() => void, number>();

  every(intervalMs: number, run: () => void): () => void {
    this.#timers.set(run, intervalMs);
    return () => void this.#timers.delete(run);
  }

  /** The intervals of the timers that run. */
  get intervalsMs(): readonly number[] {
    return [...this.#timers.values()];
  }

  /** Lets every timer fire once. */
  tick(): void {
    for (const run of [...this.#timers.keys()]) if (this.#timers.has(run)) run();
  }
}
