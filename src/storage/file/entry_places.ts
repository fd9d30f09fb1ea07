/** Where each entry of the log stands: a segment's number and a span of it, by index. */

import { assert, assertDefined } from "../../lib/assert.ts";
import type { Index } from "../../raft/types.ts";
import type { EntrySpan } from "./frame.ts";

/** A span of bytes in the segment of this number. */
export interface EntryPlace extends EntrySpan {
  readonly segment: number;
}

/** Three arrays of numbers instead of one of objects: a log may have a million entries. */
export class EntryPlaces {
  #first: Index;
  #segments: number[] = [];
  #offsets: number[] = [];
  #lengths: number[] = [];
  /** Entries at the front that were compacted and not yet cut off. */
  #gone = 0;

  constructor(first: Index) {
    this.#first = first;
  }

  push(index: Index, place: EntryPlace): void {
    const next = this.#first + this.#segments.length;
    assert(index === next, `Entry ${index} comes where ${next} is due`);
    this.#segments.push(place.segment);
    this.#offsets.push(place.offset);
    this.#lengths.push(place.length);
  }

  at(index: Index): EntryPlace {
    const at = index - this.#first;
    const segment = assertDefined(this.#segments[at], `Entry ${index} has a place`);
    return { segment, offset: this.#offsets[at]!, length: this.#lengths[at]! };
  }

  truncateFrom(index: Index): void {
    const length = Math.max(this.#gone, index - this.#first);
    if (length >= this.#segments.length) return;
    for (const list of [this.#segments, this.#offsets, this.#lengths]) list.length = length;
  }

  /** Forgets everything up to `index`. */
  compactTo(index: Index): void {
    this.#gone = Math.min(this.#segments.length, Math.max(0, index + 1 - this.#first));
    // Moving the rest costs its length, so it waits until that is paid for by as much gone.
    if (this.#gone < 1024 || this.#gone * 2 < this.#segments.length) return;
    this.#first += this.#gone;
    this.#segments = this.#segments.slice(this.#gone);
    this.#offsets = this.#offsets.slice(this.#gone);
    this.#lengths = this.#lengths.slice(this.#gone);
    this.#gone = 0;
  }

  /** The log begins anew behind `index`. */
  restart(index: Index): void {
    this.#first = index + 1;
    this.#segments = [];
    this.#offsets = [];
    this.#lengths = [];
    this.#gone = 0;
  }
}
