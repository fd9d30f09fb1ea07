/**
 * The log as the core sees it: a stable part that storage holds, and in memory a tail of everything
 * that is not yet durable plus a cache of what was appended last.
 *
 * Invariants:
 * - Indexes run without a gap from boundary.index + 1 to lastIndex; terms never fall along the log.
 * - boundary ≤ applied ≤ commitIndex ≤ lastIndex, and applied ≤ stableIndex.
 * - Everything above stableIndex is in the tail; storage is never asked above stableIndex.
 * - Nothing at or below commitIndex is ever truncated (paper §5.4, state machine safety).
 * - commitIndex and applied never fall.
 */

import { assert, assertCount, assertDefined } from "../lib/assert.ts";
import { ConfigurationHistory } from "./configuration.ts";
import { decodeConfiguration, makeEntry } from "./encoding.ts";
import type { LogReader } from "./ports.ts";
import type {
  Boundary,
  Entry,
  EntryKind,
  Index,
  LogPosition,
  RestoredState,
  Term,
} from "./types.ts";

/** What one entry counts in every limit in bytes: entries without data must not be free. */
export function entryBytes(entry: Entry): number {
  return entry.data.length + 64;
}

/** The log of one node; see the invariants above. */
export class RaftLog {
  readonly configurations: ConfigurationHistory;
  readonly #reader: LogReader;
  readonly #cacheBytesMax: number;
  #boundary: Boundary;
  /** Entries from #tailStart on, without a gap. */
  #tail: Entry[] = [];
  #tailStart: Index;
  #tailBytes = 0;
  #lastIndex: Index;
  #stableIndex: Index;
  #commitIndex: Index;
  /** Handed out to be applied; the store has confirmed #applied. */
  #handedOut: Index;
  #applied: Index;

  constructor(restored: RestoredState, reader: LogReader, cacheBytesMax: number) {
    this.#reader = reader;
    this.#cacheBytesMax = cacheBytesMax;
    this.#boundary = restored.boundary;
    this.configurations = new ConfigurationHistory(restored.configurations);
    this.#lastIndex = Math.max(reader.lastIndex(), restored.boundary.position.index);
    this.#stableIndex = this.#lastIndex;
    this.#tailStart = this.#lastIndex + 1;
    this.#applied = restored.applied.index;
    this.#handedOut = this.#applied;
    this.#commitIndex = Math.max(
      restored.hardState.commitIndex,
      restored.boundary.position.index,
      restored.applied.index,
    );
    assert(
      this.#commitIndex <= this.#lastIndex,
      `commitIndex ${this.#commitIndex} is above lastIndex ${this.#lastIndex}`,
    );
  }

  get boundary(): Boundary {
    return this.#boundary;
  }
  get lastIndex(): Index {
    return this.#lastIndex;
  }
  get stableIndex(): Index {
    return this.#stableIndex;
  }
  get commitIndex(): Index {
    return this.#commitIndex;
  }
  get applied(): Index {
    return this.#applied;
  }

  get last(): LogPosition {
    return this.positionAt(this.#lastIndex);
  }

  /** The position at an index that the log is known to hold. */
  positionAt(index: Index): LogPosition {
    return { index, term: this.#termHeld(index) };
  }

  /** The term at `index`; undefined below the boundary and behind the end. */
  term(index: Index): Term | undefined {
    if (index === this.#boundary.position.index) return this.#boundary.position.term;
    if (index < this.#boundary.position.index || index > this.#lastIndex) return undefined;
    if (index >= this.#tailStart) return this.#tail[index - this.#tailStart]!.term;
    return this.#reader.term(index);
  }

  matches(position: LogPosition): boolean {
    return this.term(position.index) === position.term;
  }

  /** Paper §5.4.1: is a log that ends at `theirs` at least as up to date as this one? */
  isUpToDate(theirs: LogPosition): boolean {
    const mine = this.last;
    return theirs.term !== mine.term ? theirs.term > mine.term : theirs.index >= mine.index;
  }

  /** Cluster time at the end of the log. */
  lastTimeMs(): number {
    if (this.#lastIndex === this.#boundary.position.index) return this.#boundary.timeMs;
    const range = { from: this.#lastIndex, to: this.#lastIndex, bytesMax: 1 };
    const [last] = assertDefined(this.entries(range), "The last entry is there");
    return assertDefined(last, "The last entry is there").timeMs;
  }

  /**
   * Entries `from` … `to`, cut after `bytesMax` bytes of data but at least one, perhaps fewer where
   * they lie in two places; undefined when `from` was compacted.
   */
  entries(
    range: { readonly from: Index; readonly to: Index; readonly bytesMax: number },
  ): readonly Entry[] | undefined {
    if (range.from <= this.#boundary.position.index) return undefined;
    if (range.from > range.to || range.from > this.#lastIndex) return [];
    if (range.from < this.#tailStart) {
      return this.#reader.entries({ ...range, to: Math.min(range.to, this.#tailStart - 1) });
    }
    let bytes = 0;
    let end = range.from - this.#tailStart;
    const stop = Math.min(range.to, this.#lastIndex) - this.#tailStart;
    do bytes += entryBytes(this.#tail[end++]!); while (
      end <= stop && bytes + entryBytes(this.#tail[end]!) <= range.bytesMax
    );
    return this.#tail.slice(range.from - this.#tailStart, end);
  }

  /** The leader's own append (paper §5.3). */
  append(
    parts: {
      readonly term: Term;
      readonly kind: EntryKind;
      readonly timeMs: number;
      readonly data: Uint8Array;
    },
  ): Entry {
    const entry = makeEntry({ ...parts, index: this.#lastIndex + 1 });
    this.#push(entry);
    return entry;
  }

  /**
   * A follower's append behind a matching prevLog (paper figure 2, AppendEntries 3 and 4): entries
   * that are there already stay, and only a real conflict of terms truncates. Returns where it
   * truncated.
   */
  appendFrom(entries: readonly Entry[]): Index | undefined {
    const fresh = entries.findIndex((entry) =>
      entry.index > this.#boundary.position.index && this.term(entry.index) !== entry.term
    );
    if (fresh < 0) return undefined;
    const from = entries[fresh]!.index;
    const conflicts = from <= this.#lastIndex;
    if (conflicts) this.#truncate(from);
    for (const entry of entries.slice(fresh)) this.#push(entry);
    return conflicts ? from : undefined;
  }

  /**
   * What a follower answers to a prevLog that it does not hold: the last position of its own that
   * could match. Above it the terms are higher than the leader's, so they cannot (paper §5.3, the
   * accelerated back-tracking). What is committed here matches every later leader, so the search
   * ends there.
   */
  conflictHint(prevLog: LogPosition): LogPosition {
    let index = Math.min(prevLog.index, this.#lastIndex);
    while (index > this.#commitIndex && this.#termHeld(index) > prevLog.term) index--;
    return this.positionAt(Math.max(index, this.#boundary.position.index));
  }

  /**
   * Where the leader goes on after a follower's hint: its last index that could match. Below the
   * boundary it says so by an index below the boundary, and only a snapshot helps.
   */
  lastIndexLike(hint: LogPosition): Index {
    const floor = this.#boundary.position.index;
    let index = Math.min(hint.index, this.#lastIndex);
    while (index >= floor && this.#termHeld(index) > hint.term) index--;
    return Math.max(index, 0);
  }

  /** Raises the commit index; lower values change nothing. */
  commitTo(index: Index): void {
    if (index <= this.#commitIndex) return;
    assert(index <= this.#lastIndex, `Commit of ${index} behind the end ${this.#lastIndex}`);
    this.#commitIndex = index;
  }

  /**
   * Storage holds the log up to `position`; it counts only if that entry was not replaced meanwhile
   * (ABA).
   */
  stableTo(position: LogPosition): void {
    if (position.index > this.#stableIndex && this.matches(position)) {
      this.#stableIndex = position.index;
      this.#trimCache();
    }
  }

  /**
   * The next page to apply: committed, durable here, not handed out before. None for a store that
   * is behind the boundary: what it needs next is not here any more, and only a snapshot helps it.
   * And none where there is no room at all; otherwise at least one.
   */
  takeCommitted(bytesMax: number): readonly Entry[] {
    if (bytesMax <= 0) return [];
    const to = Math.min(this.#commitIndex, this.#stableIndex);
    if (this.#handedOut >= to || this.#applied < this.#boundary.position.index) return [];
    const page = this.entries({ from: this.#handedOut + 1, to, bytesMax });
    const entries = assertDefined(page, `Entry ${this.#handedOut + 1} is not compacted`);
    const last = assertDefined(entries.at(-1), "A page has an entry");
    this.#handedOut = last.index;
    return entries;
  }

  /** True while something committed and durable waits to be applied. */
  hasUnapplied(): boolean {
    return this.#applied < Math.min(this.#commitIndex, this.#stableIndex);
  }

  appliedTo(position: LogPosition): void {
    assert(
      position.index >= this.#applied && position.index <= this.#handedOut,
      `Applied ${position.index} is not in ${this.#applied} … ${this.#handedOut}`,
    );
    this.#applied = assertCount(position.index, "applied");
  }

  /** Moves the boundary up to an applied position; entries below may go. */
  compactTo(position: LogPosition): Boundary | undefined {
    if (position.index <= this.#boundary.position.index) return undefined;
    assert(position.index <= this.#applied, `Compaction to ${position.index} is above applied`);
    const range = { from: position.index, to: position.index, bytesMax: 1 };
    const [entry] = assertDefined(this.entries(range), "The new boundary is in the log");
    const configuration = this.configurations.at(position.index);
    this.#boundary = { position, timeMs: entry!.timeMs, configuration };
    this.configurations.compactTo(position.index);
    this.#dropBelow(position.index + 1);
    return this.#boundary;
  }

  /**
   * The log holds `to`, which is committed, and the store will be brought there by an image: what
   * lies below may go. Undefined when the boundary stands there already.
   */
  moveBoundary({ position, timeMs, configuration }: Boundary): Boundary | undefined {
    assert(
      position.index <= this.#commitIndex && this.matches(position),
      "The image is in the log",
    );
    this.#handedOut = Math.max(this.#handedOut, position.index);
    if (position.index === this.#boundary.position.index) return undefined;
    this.#boundary = { position, timeMs, configuration };
    this.configurations.compactTo(position.index);
    this.#dropBelow(position.index + 1);
    return this.#boundary;
  }

  /**
   * An image takes the place of everything (paper §7): the log begins anew behind its position.
   * What it held there was not committed.
   */
  replaceBy({ position, timeMs, configuration }: Boundary): void {
    assert(
      position.index > this.#commitIndex,
      `An image of ${position.index} replaces what is committed up to ${this.#commitIndex}`,
    );
    this.#boundary = { position, timeMs, configuration };
    this.configurations.reset(configuration);
    this.#tail = [];
    this.#tailBytes = 0;
    this.#tailStart = position.index + 1;
    this.#lastIndex = assertCount(position.index, "lastIndex");
    this.#stableIndex = position.index;
    this.#commitIndex = position.index;
    this.#handedOut = position.index;
  }

  /** Everything behind `index` in memory: what the next write carries. */
  unwritten(index: Index): readonly Entry[] {
    return this.#tail.slice(Math.max(0, index + 1 - this.#tailStart));
  }

  #termHeld(index: Index): Term {
    return assertDefined(this.term(index), `The log has no term at ${index}`);
  }

  #push(entry: Entry): void {
    assert(entry.index === this.#lastIndex + 1, `Append of ${entry.index} leaves a gap`);
    if (this.#tail.length === 0) this.#tailStart = entry.index;
    this.#tail.push(entry);
    this.#tailBytes += entryBytes(entry);
    this.#lastIndex = assertCount(entry.index, "lastIndex");
    if (entry.kind !== "configuration") return;
    const position = { index: entry.index, term: entry.term };
    this.configurations.append({ position, configuration: decodeConfiguration(entry.data) });
  }

  #truncate(from: Index): void {
    assert(
      from > this.#commitIndex,
      `The leader's log contradicts entry ${from}, committed here up to ${this.#commitIndex}`,
    );
    const keep = Math.max(0, from - this.#tailStart);
    for (const dropped of this.#tail.splice(keep)) this.#tailBytes -= entryBytes(dropped);
    this.#lastIndex = from - 1;
    this.#tailStart = Math.min(this.#tailStart, from);
    this.#stableIndex = Math.min(this.#stableIndex, this.#lastIndex);
    this.configurations.truncateFrom(from);
  }

  /**
   * Gives back memory of entries that are durable, oldest first, down to the limit. Also of those
   * that are not applied yet, which are read back: a store that waits for its image may wait long.
   */
  #trimCache(): void {
    if (this.#tailBytes <= this.#cacheBytesMax) return;
    let from = this.#tailStart;
    let bytes = this.#tailBytes;
    while (from <= this.#stableIndex && bytes > this.#cacheBytesMax / 2) {
      bytes -= entryBytes(this.#tail[from - this.#tailStart]!);
      from++;
    }
    this.#dropBelow(from);
  }

  #dropBelow(from: Index): void {
    const count = Math.min(this.#tail.length, Math.max(0, from - this.#tailStart));
    for (const dropped of this.#tail.splice(0, count)) this.#tailBytes -= entryBytes(dropped);
    this.#tailStart = Math.max(this.#tailStart, from);
  }
}
