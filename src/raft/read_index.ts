/**
 * Linearizable reads without a log entry (thesis §6.4): the leader notes its commit index, then
 * makes sure that a quorum still follows it. A round is a number in the heartbeats of one
 * leadership; reply n confirms every round up to n, and a read is confirmed only by a round that
 * began after it arrived.
 */

import { Queue } from "../lib/queue.ts";
import type { Index, ReadId } from "./types.ts";

/** A read that may be answered once the store has applied `index`. */
export interface ConfirmedRead {
  readonly id: ReadId;
  readonly index: Index;
}

interface PendingRead extends ConfirmedRead {
  readonly round: number;
}

/** The rounds of one leadership, and the reads that wait for them. */
export class ReadIndexRounds {
  readonly #pendingMax: number;
  /** Arrived since the newest round began, or before the leader may serve reads at all. */
  #waiting: ReadId[] = [];
  readonly #pending = new Queue<PendingRead>();
  readonly #sentMs = new Queue<{ readonly round: number; readonly ms: number }>();
  #round = 0;
  #confirmedRound = 0;
  #confirmedSentMs: number | undefined;

  constructor(pendingMax: number) {
    this.#pendingMax = pendingMax;
  }

  get round(): number {
    return this.#round;
  }

  /** When the newest confirmed round was sent: no other leader could have been elected before. */
  get confirmedSentMs(): number | undefined {
    return this.#confirmedSentMs;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** False when there is no room. */
  add(id: ReadId): boolean {
    if (this.#waiting.length + this.#pending.length >= this.#pendingMax) return false;
    this.#waiting.push(id);
    return true;
  }

  /**
   * Begins a round; `commitIndex` is given once the leader knows it to be current, and takes the
   * waiting reads along.
   */
  begin(nowMs: number, commitIndex: Index | undefined): number {
    this.#round++;
    this.#sentMs.push({ round: this.#round, ms: nowMs });
    if (commitIndex !== undefined) {
      for (const id of this.#waiting) {
        this.#pending.push({ id, index: commitIndex, round: this.#round });
      }
      this.#waiting = [];
    }
    return this.#round;
  }

  /** A quorum confirmed every round up to `round`. */
  confirm(round: number): readonly ConfirmedRead[] {
    if (round <= this.#confirmedRound) return [];
    this.#confirmedRound = round;
    let oldest = this.#sentMs.peek();
    while (oldest !== undefined && oldest.round <= round) {
      this.#confirmedSentMs = oldest.ms;
      this.#sentMs.shift();
      oldest = this.#sentMs.peek();
    }
    const confirmed: ConfirmedRead[] = [];
    let read = this.#pending.peek();
    while (read !== undefined && read.round <= round) {
      confirmed.push(read);
      this.#pending.shift();
      read = this.#pending.peek();
    }
    return confirmed;
  }

  /** Leadership ends: nothing that waits will be confirmed. */
  drop(): readonly ReadId[] {
    const ids = this.#waiting;
    this.#waiting = [];
    for (let read = this.#pending.shift(); read !== undefined; read = this.#pending.shift()) {
      ids.push(read.id);
    }
    return ids;
  }
}
