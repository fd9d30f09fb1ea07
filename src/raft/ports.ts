/**
 * What the core asks of its surroundings: to read entries that are durable, and to draw numbers.
 */

import type { Entry, Index, Term } from "./types.ts";

/**
 * Synchronous reads of the durable log. The core never asks above the index that it knows to be
 * stable.
 */
export interface LogReader {
  /** The first entry that is still there; boundary + 1. */
  firstIndex(): Index;
  /** The last durable entry, or the boundary when there is none. */
  lastIndex(): Index;
  /** The term at `index`, the boundary included; undefined outside. */
  term(index: Index): Term | undefined;
  /**
   * Entries `from` … `to` inclusive, cut after `bytesMax` bytes of data but at least one; undefined
   * when `from` was compacted.
   */
  entries(
    range: { readonly from: Index; readonly to: Index; readonly bytesMax: number },
  ): readonly Entry[] | undefined;
}

/** Seeded by the node; the same seed gives the same run. */
export interface Rng {
  /** A uniform integer in 0 … bound − 1. */
  below(bound: number): number;
}
