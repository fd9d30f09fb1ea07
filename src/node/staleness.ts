/**
 * How far behind the leader a local read may be: the age of the newest leader message whose commit
 * index the store has applied. On a leader the age of the newest round that a quorum confirmed.
 */

import { Queue } from "../lib/queue.ts";
import type { Index } from "../raft/types.ts";

/** Reports kept while the store is behind; beyond it the newest one waits in the last place. */
const reportsMax = 256;

/** The staleness of one node's store. */
export class Staleness {
  readonly #waiting = new Queue<{ readonly commitIndex: Index; atMs: number }>();
  #newest: { readonly commitIndex: Index; atMs: number } | undefined;
  #freshAtMs: number | undefined;

  /** The leader said, at `atMs`, that `commitIndex` is committed. */
  heard(commitIndex: Index, atMs: number): void {
    if (this.#newest?.commitIndex === commitIndex) {
      this.#newest.atMs = atMs;
      return;
    }
    if (this.#waiting.length >= reportsMax) return;
    this.#newest = { commitIndex, atMs };
    this.#waiting.push(this.#newest);
  }

  applied(index: Index): void {
    let oldest = this.#waiting.peek();
    while (oldest !== undefined && oldest.commitIndex <= index) {
      this.#freshAtMs = Math.max(oldest.atMs, this.#freshAtMs ?? oldest.atMs);
      // The newest stays, so that a later report of the same index still makes it younger.
      if (this.#waiting.length === 1) return;
      this.#waiting.shift();
      oldest = this.#waiting.peek();
    }
  }

  /** Milliseconds; Infinity when nothing is known. */
  ms(nowMs: number): number {
    return this.#freshAtMs === undefined ? Infinity : Math.max(0, nowMs - this.#freshAtMs);
  }
}
