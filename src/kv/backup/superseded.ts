/**
 * Which rows compaction has given up and not removed yet: those that a later change superseded at
 * or before the oldest readable revision, and deletions up to there. Members are at different
 * places with removing them; without them their backups are the same.
 */

import { type ChangeHead, type ChangeNumber, isDeletion } from "../change.ts";
import type { KvTables } from "../ports.ts";
import { lastChangeAt } from "../revisions.ts";

/** How many numbers are told apart at once, in 8 MiB of memory. */
const windowDefault = 64 * 1024 * 1024;

/** To be asked of rows in ascending order. */
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
    if (number > this.#target || this.#purgedThrough === this.#target) return false;
    if (isDeletion(change)) return true;
    if (number >= this.#windowEnd) this.#look(number);
    const at = number - this.#windowStart;
    return (this.#bits[at >>> 3]! & (1 << (at & 7))) !== 0;
  }

  /** Marks what the changes that compaction has still to look at have superseded. */
  #look(start: ChangeNumber): void {
    this.#windowStart = start;
    this.#windowEnd = start + this.#windowLength;
    this.#bits.fill(0);
    for (let number = this.#purgedThrough + 1; number <= this.#target; number++) {
      const previous = this.#tables.link(number)?.previous ?? 0;
      if (previous < this.#windowStart || previous >= this.#windowEnd) continue;
      const at = previous - this.#windowStart;
      this.#bits[at >>> 3]! |= 1 << (at & 7);
    }
  }
}
