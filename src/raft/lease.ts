/**
 * A leader's lease (thesis §6.4.1): how long nobody else can have been elected since a quorum
 * confirmed a round. It counts from when that round was *sent*.
 */

import type { RaftOptions } from "./types.ts";

/** The lease of one leadership. */
export class Lease {
  readonly #options: RaftOptions;
  /** Rounds sent up to here carry no lease: the process stood still since. */
  #voidUntilMs = -1;

  constructor(options: RaftOptions) {
    this.#options = options;
  }

  /** The process stood still for longer than half an election timeout: it may be another's. */
  voidUntil(nowMs: number): void {
    this.#voidUntilMs = nowMs;
  }

  /** `sentMs`: when the newest confirmed round left. */
  holds(
    { sentMs, nowMs }: { readonly sentMs: number | undefined; readonly nowMs: number },
  ): boolean {
    const { lease, electionTimeoutMinMs } = this.#options;
    if (lease === undefined || sentMs === undefined || sentMs <= this.#voidUntilMs) return false;
    const driftMs = Math.ceil(electionTimeoutMinMs * lease.clockDriftPermille / 1000);
    return nowMs < sentMs + electionTimeoutMinMs - driftMs - lease.marginMs;
  }
}
