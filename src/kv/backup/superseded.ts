/**
 * Which rows compaction has given up and not removed yet: those that a later change superseded at
 * or before the oldest readable revision, and deletions up to there. Members are at different
 * places with removing them; without them their backups are the same.
 */

import { assert } from "../../lib/assert.ts";
import { type ChangeHead, type ChangeNumber, isDeletion } from "../change.ts";
import type { KvTables } from "../ports.ts";
import { lastChangeAt } from "../revisions.ts";

/** How many numbers are told apart at once, in 8 MiB of memory. */
const windowDefault = 64 * 1024 * 1024;

/** So many links take a millisecond or two. */
const linksAtOnce = 500;

/** To be asked of rows in ascending order, each after {@link Superseded.lookFor}. */
export class Superseded {
  readonly #tables: KvTables;
  /** Compaction has removed everything up to here that it may. */
  readonly #purgedThrough: ChangeNumber;
  /** And may remove something up to here. */
  readonly #target: ChangeNumber;
  readonly #windowLength: number;
  readonly #bits: Uint8Array;
  /** The bits are of this number and those behind it. */
  #windowStart = 0;
  #windowEnd = 0;

  /** `windowLength` can be lowered for tests. */
  constructor(tables: KvTables, windowLength = windowDefault) {
    const meta = tables.stored();
    this.#tables = tables;
    this.#purgedThrough = meta.purgedThrough;
    this.#target = lastChangeAt(tables, meta.oldest, meta);
    this.#windowLength = windowLength;
    const isBehind = this.#purgedThrough < this.#target;
    this.#bits = new Uint8Array(isBehind ? Math.ceil(windowLength / 8) : 0);
  }

  has(change: ChangeHead): boolean {
    const { number } = change;
    if (!this.#mayHave(number)) return false;
    if (isDeletion(change)) return true;
    const isLookedFor = number >= this.#windowStart && number < this.#windowEnd;
    assert(isLookedFor, `Change ${number} is asked for before it is looked for`);
    const at = number - this.#windowStart;
    return (this.#bits[at >>> 3]! & (1 << (at & 7))) !== 0;
  }

  #mayHave(number: ChangeNumber): boolean {
    return number <= this.#target && this.#purgedThrough !== this.#target;
  }

  /**
   * Marks what the changes that compaction has still to look at have superseded, where `number` is
   * behind what is marked. Undefined now and then: there may be millions of them.
   */
  *lookFor(number: ChangeNumber): Generator<undefined> {
    if (number < this.#windowEnd || !this.#mayHave(number)) return;
    yield* this.#look(number);
  }

  *#look(start: ChangeNumber): Generator<undefined> {
    this.#windowStart = start;
    this.#windowEnd = start + this.#windowLength;
    this.#bits.fill(0);
    for (let number = this.#purgedThrough + 1; number <= this.#target; number++) {
      if (number % linksAtOnce === 0) yield undefined;
      const previous = this.#tables.link(number)?.previous ?? 0;
      if (previous < this.#windowStart || previous >= this.#windowEnd) continue;
      const at = previous - this.#windowStart;
      this.#bits[at >>> 3]! |= 1 << (at & 7);
    }
  }
}
