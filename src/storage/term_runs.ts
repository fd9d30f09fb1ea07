/**
 * The term of every entry, as runs: terms only rise along a log (paper §5.3), so a log of a million
 * entries is a handful of runs, and asking for a term costs no read of the disk.
 */

import { assert } from "../lib/assert.ts";
import type { Index, Term } from "../raft/types.ts";

/** The runs of one log. */
export class TermRuns {
  /** Where each run starts, ascending; the run reaches to the next start. */
  readonly #starts: Index[] = [];
  readonly #terms: Term[] = [];

  /** The entry at `index` has this term; indexes come in order, terms do not fall. */
  append(index: Index, term: Term): void {
    const last = this.#terms.at(-1);
    if (last === term) return;
    assert(last === undefined || term > last, `Term ${term} of entry ${index} is below ${last}`);
    this.#starts.push(index);
    this.#terms.push(term);
  }

  /** The term of the run that `index` falls into; the caller knows that the entry is there. */
  at(index: Index): Term | undefined {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= index) low = middle + 1;
      else high = middle;
    }
    return this.#terms[low - 1];
  }

  truncateFrom(index: Index): void {
    while (this.#starts.length > 0 && this.#starts.at(-1)! >= index) {
      this.#starts.pop();
      this.#terms.pop();
    }
  }

  /** Forgets the runs that end below `index`. */
  dropBelow(index: Index): void {
    let gone = 0;
    while (gone + 1 < this.#starts.length && this.#starts[gone + 1]! <= index) gone++;
    this.#starts.splice(0, gone);
    this.#terms.splice(0, gone);
  }
}
