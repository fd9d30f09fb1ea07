/**
 * Feeds the state machine, and lives with a disk that is full: what the store rolled back is handed
 * in again from the log until it is where it was, and until then nothing is read and the core hears
 * of no progress.
 */

import { assert, assertDefined } from "../lib/assert.ts";
import { entryBytes } from "../raft/log.ts";
import type { LogReader } from "../raft/ports.ts";
import type { Entry, LogPosition } from "../raft/types.ts";
import type { StateMachine } from "./ports.ts";

/** How long the store rests after it found the disk full. */
export const diskFullRetryMs = 500;
const pageBytesMax = 1024 * 1024;

/** The state machine, with what is needed to hand entries in again. */
export class Store<Query, Answer, Result> {
  readonly #machine: StateMachine<Query, Answer, Result>;
  readonly #log: LogReader;
  readonly #onResult: (position: LogPosition, result: Result) => void;
  readonly #turnBytesMax: number;
  /** What the turn under way may still hand in. */
  #turnBytesLeft: number;
  /** The highest position handed in so far. */
  #reached: LogPosition;
  /** The store rolled back: entries up to #reached have to be handed in again. */
  #behind = false;
  #isSuspended = false;
  #retryAtMs = 0;

  constructor(
    parts: {
      readonly machine: StateMachine<Query, Answer, Result>;
      readonly log: LogReader;
      /** Where the log begins to hand in: the machine may be ahead of it (recovery.ts). */
      readonly reached: LogPosition;
      /** Handed in during one turn, bytes. */
      readonly applyBytesMax: number;
    },
    onResult: (position: LogPosition, result: Result) => void,
  ) {
    this.#machine = parts.machine;
    this.#log = parts.log;
    this.#reached = parts.reached;
    this.#turnBytesMax = parts.applyBytesMax;
    this.#turnBytesLeft = parts.applyBytesMax;
    this.#onResult = onResult;
  }

  get isWhole(): boolean {
    return !this.#behind;
  }

  get reached(): LogPosition {
    return this.#reached;
  }

  beginTurn(): void {
    this.#turnBytesLeft = this.#turnBytesMax;
  }

  /** What this turn may still hand in, bytes. At 0 the rest is another turn's. */
  get turnBytesLeft(): number {
    return this.#turnBytesLeft;
  }

  /** The log was replaced by an image: nothing is handed in any more until that is adopted. */
  suspend(): void {
    this.#isSuspended = true;
  }

  /** Switches to the image that is staged, which is the one of `position`. */
  adopt({ index }: LogPosition): void {
    const staged = this.#machine.staged()?.position.index;
    assert(staged === index, `The image of ${index} is to be adopted, and ${staged} is staged`);
    this.#machine.adopt();
    this.#reached = this.#machine.applied().position;
    this.#behind = false;
    this.#isSuspended = false;
  }

  read(query: Query): Answer {
    return this.#machine.read(query);
  }

  /** Returns whether everything up to the last entry is applied. */
  apply(entries: readonly Entry[], nowMs: number): boolean {
    const last = assertDefined(entries.at(-1), "A page has an entry");
    for (const entry of entries) this.#turnBytesLeft -= entryBytes(entry);
    this.#turnBytesLeft = Math.max(0, this.#turnBytesLeft);
    if (!this.#behind && !this.#handIn(entries)) this.#fallBehind(nowMs);
    this.#reached = { index: last.index, term: last.term };
    return !this.#behind;
  }

  /** Called at every tick. Returns whether the store has just become whole again. */
  retry(nowMs: number): boolean {
    if (this.#isSuspended) return false;
    // A commit between two pages may have found the disk full as well.
    const isShort = this.#machine.applied().position.index < this.#reached.index;
    if (isShort && !this.#behind) this.#fallBehind(nowMs);
    if (!this.#behind || nowMs < this.#retryAtMs) return false;
    const isDone = this.#handInNext();
    if (isDone === undefined) this.#fallBehind(nowMs);
    else this.#behind = !isDone;
    return !this.#behind;
  }

  /**
   * One page of what is missing: it may be much, and others are served in between. Whether that was
   * all; undefined where the disk is still full.
   */
  #handInNext(): boolean | undefined {
    const from = this.#machine.applied().position.index + 1;
    if (from > this.#reached.index) return true;
    const range = { from, to: this.#reached.index, bytesMax: pageBytesMax };
    const page = assertDefined(this.#log.entries(range), `Entry ${from} is not compacted`);
    if (!this.#handIn(page)) return undefined;
    return assertDefined(page.at(-1), "A page has an entry").index === this.#reached.index;
  }

  #fallBehind(nowMs: number): void {
    this.#behind = true;
    this.#retryAtMs = nowMs + diskFullRetryMs;
  }

  #handIn(entries: readonly Entry[]): boolean {
    const results = this.#machine.apply(entries);
    if (!isResults(results)) return false;
    results.forEach((result, at) => {
      const { index, term } = entries[at]!;
      this.#onResult({ index, term }, result);
    });
    return true;
  }
}

function isResults<Result>(
  answer: readonly Result[] | { readonly full: true },
): answer is readonly Result[] {
  return Array.isArray(answer);
}
