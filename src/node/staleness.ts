/**
 * How far behind the leader a local read may be: the age of the newest leader message whose commit
 * index the store has applied. On a leader the age of the newest round that a quorum confirmed. A
 * leader knows all that is committed only with an entry of its own term (paper §8): it counts once
 * the store has applied something of that term, and with it all that terms before have committed.
 *
 * A process learns late that a message has arrived, so what it finds in a turn counts as having
 * arrived right after the turn before. When it stood still for long, its sockets may hold more than
 * one turn reads: until it has caught up, everything counts from before the stall.
 */

import { Queue } from "../lib/queue.ts";
import type { Heard } from "../raft/ready.ts";
import type { Index, LogPosition, Term } from "../raft/types.ts";

/** Reports kept while the store is behind; what comes beyond them does not count. */
const reportsMax = 256;

/** What a leader said, and when. */
interface Report {
  readonly commitIndex: Index;
  readonly term: Term;
  atMs: number;
}

/** The staleness of one node's store. */
export class Staleness {
  readonly #waiting = new Queue<Report>();
  #newest: Report | undefined;
  #freshAtMs: number | undefined;
  readonly #stallMs: number;
  #turnMs: number | undefined;
  #turnBeforeMs: number | undefined;
  /** What is found before `untilMs` may have waited since `sinceMs`. */
  #stall: { readonly sinceMs: number; readonly untilMs: number } | undefined;

  /** Without a turn for more than `stallMs` the process stood still; it needs as long after it. */
  constructor(stallMs: number) {
    this.#stallMs = stallMs;
  }

  /** The node takes a turn. */
  turn(nowMs: number): void {
    const beforeMs = this.#turnMs ?? nowMs;
    this.#turnBeforeMs = beforeMs;
    this.#turnMs = nowMs;
    if (nowMs - beforeMs > this.#stallMs) {
      this.#stall = { sinceMs: this.#stall?.sinceMs ?? beforeMs, untilMs: nowMs + this.#stallMs };
    } else if (this.#stall !== undefined && nowMs >= this.#stall.untilMs) {
      this.#stall = undefined;
    }
  }

  /** What a leader's message said that was found in this turn, or a leader's own rounds. */
  heard({ leaderCommit: commitIndex, term, sentRoundMs }: Heard): void {
    const atMs = sentRoundMs ?? this.#stall?.sinceMs ?? this.#turnBeforeMs;
    if (atMs === undefined) return;
    if (this.#newest?.commitIndex === commitIndex && this.#newest.term === term) {
      this.#newest.atMs = atMs;
      return;
    }
    if (this.#waiting.length >= reportsMax) return;
    this.#newest = { commitIndex, term, atMs };
    this.#waiting.push(this.#newest);
  }

  applied({ index, term }: LogPosition): void {
    let oldest = this.#waiting.peek();
    while (oldest !== undefined && oldest.commitIndex <= index && oldest.term <= term) {
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
