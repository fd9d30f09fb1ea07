/**
 * What a leader knows of one peer's log, and how fast it may send (thesis §10.2.1, pipelining).
 *
 * Probing: one AppendEntries at a time, until one matches. Replicating: optimistic, `next` runs
 * ahead of `match` by at most the inflight window. Snapshot: nothing is sent until the image is
 * installed.
 *
 * Each time that it goes back to probing, it begins another *attempt*, which requests and answers
 * carry. Where messages are lost, repeated and out of order, one change of mind is answered by all
 * that was under way before it; if each of these answers could change the leader's mind again, and
 * open the window anew, the messages would multiply. So an answer to an earlier attempt tells what
 * the peer holds, and nothing of how to go on. And each conflict while replicating halves the
 * window, because most of what was in it went out in vain; each acknowledgement widens it by one.
 *
 * Invariants: match < next; match never falls within a term and an epoch of the peer's log.
 */

import { assert } from "../lib/assert.ts";
import { Queue } from "../lib/queue.ts";
import { type Index, type LogPosition, originPosition } from "./types.ts";

export type ProgressMode = "probing" | "replicating" | "snapshot";

/** How much may be under way to one peer without an acknowledgement. */
export interface InflightLimits {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

/** One peer, as its leader sees it. */
export class Progress {
  readonly #limits: InflightLimits;
  readonly #inflight = new Queue<{ readonly last: Index; readonly bytes: number }>();
  #inflightBytes = 0;
  #mode: ProgressMode = "probing";
  #attempt = 1;
  /** Messages that may be under way, at most. */
  #window: number;
  #acknowledged: LogPosition = originPosition;
  #next: Index;
  #probed = false;
  /** Since when something is under way without an acknowledgement. */
  #waitingSinceMs: number | undefined;
  #heardMs: number;
  #hasAnswered = false;
  /** The newest heartbeat round that the peer confirmed. */
  confirmedRound = 0;
  /** The highest commit index that it was told. */
  toldCommit: Index = 0;
  /** What the peer said that its store has applied. */
  appliedIndex: Index = 0;

  constructor(options: { next: Index; nowMs: number; limits: InflightLimits }) {
    this.#next = options.next;
    this.#heardMs = options.nowMs;
    this.#limits = options.limits;
    this.#window = options.limits.messagesMax;
  }

  get match(): Index {
    return this.#acknowledged.index;
  }
  /** The position at `match`: the last one that the peer said it holds durably. */
  get acknowledged(): LogPosition {
    return this.#acknowledged;
  }
  get next(): Index {
    return this.#next;
  }
  get mode(): ProgressMode {
    return this.#mode;
  }
  /** The one under way, from 1. */
  get attempt(): number {
    return this.#attempt;
  }

  /** When the peer was heard last; the leader's election counts as having heard everybody. */
  get heardMs(): number {
    return this.#heardMs;
  }
  /** It has said something to this leader, whatever that was. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** Anything came from the peer. */
  heard(nowMs: number): void {
    this.#heardMs = nowMs;
    this.#hasAnswered = true;
  }

  canSend(): boolean {
    if (this.#mode === "snapshot") return false;
    if (this.#mode === "probing") return !this.#probed;
    return this.#inflight.length < this.#window &&
      this.#inflightBytes < this.#limits.bytesMax;
  }

  /** Entries up to `last` (prevLog itself for an empty message) left for the peer. */
  sent(message: { last: Index; bytes: number }, nowMs: number): void {
    if (this.#mode === "probing") {
      this.#probed = true;
      this.#waitingSinceMs = nowMs;
      return;
    }
    assert(this.#mode === "replicating", `Entries were sent while ${this.#mode}`);
    if (message.last < this.#next) return;
    this.#next = message.last + 1;
    this.#inflight.push(message);
    this.#inflightBytes += message.bytes;
    this.#waitingSinceMs ??= nowMs;
  }

  /**
   * The peer holds the log durably up to `position`, as it answers to a request of `attempt`.
   * Returns whether that is news.
   */
  matched(position: LogPosition, attempt: number, nowMs: number): boolean {
    const news = position.index > this.match;
    if (news) {
      this.#acknowledged = position;
      this.#window = Math.min(this.#window + 1, this.#limits.messagesMax);
    }
    this.#next = Math.max(this.#next, this.match + 1);
    if (this.#mode === "snapshot") return news;
    if (this.#mode === "probing") {
      if (attempt !== this.#attempt) return news;
      this.#mode = "replicating";
      this.#next = this.match + 1;
    }
    let oldest = this.#inflight.peek();
    while (oldest !== undefined && oldest.last <= this.match) {
      this.#inflightBytes -= oldest.bytes;
      this.#inflight.shift();
      oldest = this.#inflight.peek();
    }
    this.#waitingSinceMs = oldest === undefined ? undefined : nowMs;
    return news;
  }

  /**
   * The peer does not hold prevLog: probe at `next`, which never lies at or below what it was known
   * to match.
   */
  conflicted(next: Index): void {
    if (this.#mode === "replicating") this.#window = Math.max(1, Math.floor(this.#window / 2));
    this.#probe(Math.max(next, this.match + 1));
  }

  /** What was sent may be lost: go back to what is known and probe; a lost probe is repeated. */
  lost(): void {
    if (this.#mode === "snapshot") return;
    this.#probe(this.#mode === "probing" ? this.#next : this.match + 1);
  }

  /** The way to the peer is cut: nothing more is sent until it answers a heartbeat. */
  unreachable(): void {
    if (this.#mode === "snapshot") return;
    this.lost();
    this.#probed = true;
    this.#waitingSinceMs = -Infinity;
  }

  /** Something is under way, and nothing was acknowledged for `ms`. */
  isWaitingFor(ms: number, nowMs: number): boolean {
    return this.#waitingSinceMs !== undefined && nowMs - this.#waitingSinceMs >= ms;
  }

  /** The next entry was compacted. */
  wantSnapshot(): void {
    this.#probe(this.#next);
    this.#mode = "snapshot";
  }

  /** The peer holds everything before `next`, by an image or otherwise; the next probe tells. */
  snapshotEnded(next: Index): void {
    if (this.#mode === "snapshot") this.#probe(Math.max(next, this.match + 1));
  }

  /** The peer's log lost something: nothing that it acknowledged counts any more. */
  restarted(next: Index): void {
    this.#acknowledged = originPosition;
    this.confirmedRound = 0;
    this.toldCommit = 0;
    this.#probe(next);
  }

  #probe(next: Index): void {
    this.#mode = "probing";
    this.#attempt++;
    this.#next = Math.max(1, next);
    this.#probed = false;
    this.#waitingSinceMs = undefined;
    this.#inflight.clear();
    this.#inflightBytes = 0;
  }
}
