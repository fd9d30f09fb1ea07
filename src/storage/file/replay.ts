/**
 * Reads a log directory from its first segment to its last: what every frame did, done again.
 *
 * A frame that is not whole at the very end is a write that was never reported done: it is cut off.
 * A frame that is not whole with others behind it is damage to what was reported: reading ends
 * there, and the facts say so. The last write of all cannot be told from a torn one by its file;
 * raft.mark can, and its facts say so.
 */

import { assert } from "../../lib/assert.ts";
import { isIntact } from "../../raft/encoding.ts";
import type { Boundary, Entry, HardState, Index } from "../../raft/types.ts";
import { LogOutline, originBoundary, originHardState } from "../log_outline.ts";
import { type EntryPlace, EntryPlaces } from "./entry_places.ts";
import {
  decodeSegmentHead,
  decodeWrite,
  type EntrySpan,
  frameAt,
  frameHeadBytes,
  nextFrame,
  type SegmentHead,
  type WriteRecord,
} from "./frame.ts";
import type { Segment, SegmentFiles } from "./segments.ts";

/** A log as its files tell it, as far as they can be believed. */
export interface Replayed {
  readonly outline: LogOutline;
  readonly places: EntryPlaces;
  /** Ascending; the last one is appended to. Empty when none can be read. */
  readonly segments: readonly Segment[];
  readonly firstBad?: Index;
  readonly badMeta: boolean;
}

/** Undefined for a directory without a log. */
export function replay(files: SegmentFiles): Replayed | undefined {
  const meta = files.readMeta();
  const isMissing = meta === "missing";
  const record = typeof meta === "string" ? undefined : meta;
  const numbers = files.numbers();
  if (isMissing && isBirth(files, numbers)) return undefined;
  const replaying = new Replay(files, {
    boundary: record?.boundary ?? originBoundary,
    firstSegment: record?.firstSegment ?? numbers[0] ?? 1,
  });
  for (const number of numbers) {
    // Below the first: compaction or discard was cut short after its decision.
    if (number < (record?.firstSegment ?? 0)) files.remove(number);
    else replaying.readSegment(number, number === numbers.at(-1));
  }
  return replaying.result({ badMeta: record === undefined, isEmpty: numbers.length === 0 });
}

/** A log is born with one empty segment, and is there once meta is. */
function isBirth(files: SegmentFiles, numbers: readonly number[]): boolean {
  if (numbers.length > 1) return false;
  const bytes = numbers.map((number) => files.contents(number))[0];
  if (bytes === undefined) return true;
  const head = frameAt(bytes, 0, 0);
  return (head?.end ?? bytes.length) === bytes.length;
}

class Replay {
  readonly #files: SegmentFiles;
  readonly #segments: Segment[] = [];
  readonly #entries: Entry[] = [];
  readonly #places: EntryPlaces;
  #boundary: Boundary;
  #nextSegment: number;
  /** The end of the log as of the last frame; behind it, history goes on. */
  #lastIndex: Index | undefined;
  #batchNumber = 0;
  #hardState: HardState = originHardState;
  #isDamaged = false;

  constructor(
    files: SegmentFiles,
    meta: { readonly boundary: Boundary; readonly firstSegment: number },
  ) {
    this.#files = files;
    this.#boundary = meta.boundary;
    this.#nextSegment = meta.firstSegment;
    this.#places = new EntryPlaces(meta.boundary.position.index + 1);
  }

  readSegment(number: number, isLast: boolean): void {
    const bytes = this.#files.contents(number);
    const first = frameAt(bytes, 0, 0);
    if (first === undefined) {
      // The head of a new segment is synced before the segment is used.
      if (isLast && this.#segments.length > 0 && !this.#isDamaged) this.#files.remove(number);
      else this.#isDamaged = true;
      return;
    }
    const head = decodeSegmentHead(first.payload);
    if (!this.#continues(head, number)) this.#isDamaged = true;
    this.#nextSegment = number + 1;
    this.#lastIndex ??= head.lastIndex;
    if (this.#isDamaged) this.#keepTerm(head);
    else [this.#batchNumber, this.#hardState] = [head.batchNumber, head.hardState];
    const file = this.#files.open(number);
    const segment: Segment = { head, file, holdsSnapshot: false, end: first.end };
    this.#segments.push(segment);
    this.#readWrites(segment, bytes, isLast);
  }

  result(found: { readonly badMeta: boolean; readonly isEmpty: boolean }): Replayed {
    const outline = new LogOutline({
      batchNumber: this.#batchNumber,
      hardState: this.#hardState,
      boundary: this.#boundary,
    });
    for (const entry of this.#entries) outline.append(entry);
    const isShort = this.#isDamaged || found.isEmpty ||
      (this.#lastIndex ?? 0) > outline.lastIndex;
    const firstBad = isShort ? { firstBad: outline.lastIndex + 1 } : undefined;
    const badMeta = found.badMeta || this.#segments.length === 0;
    return { outline, places: this.#places, segments: this.#segments, badMeta, ...firstBad };
  }

  #continues(head: SegmentHead, number: number): boolean {
    if (head.number !== number || number !== this.#nextSegment) return false;
    if (this.#segments.length === 0) return true;
    return head.batchNumber === this.#batchNumber && head.lastIndex === this.#lastIndex;
  }

  #readWrites(segment: Segment, bytes: Uint8Array, isLast: boolean): void {
    const { salt } = segment.head;
    for (let at = segment.end; at < bytes.length;) {
      const frame = frameAt(bytes, at, salt);
      if (frame === undefined) {
        const next = nextFrame(bytes, at, salt);
        if (next === undefined && isLast && !this.#isDamaged) {
          segment.file.truncate(segment.end);
          segment.file.sync();
          return;
        }
        this.#isDamaged = true;
        if (next === undefined) return;
        at = next;
        continue;
      }
      const { record, spans } = decodeWrite(frame.payload);
      this.#apply(segment, record, { at, end: frame.end, spans });
      at = frame.end;
    }
  }

  #apply(
    segment: Segment,
    record: WriteRecord,
    frame: { readonly at: number; readonly end: number; readonly spans: readonly EntrySpan[] },
  ): void {
    const due = record.isCopy ? this.#batchNumber : this.#batchNumber + 1;
    if (record.number !== due || !record.entries.every(isIntact)) this.#isDamaged = true;
    if (this.#isDamaged) {
      this.#keepTerm({ batchNumber: record.number, hardState: record.hardState });
      return;
    }
    if (record.snapshot !== undefined) segment.holdsSnapshot = true;
    segment.end = frame.end;
    this.#batchNumber = record.number;
    this.#hardState = record.hardState;
    if (record.snapshot !== undefined) this.#replaceBy(record.snapshot);
    if (record.truncateFrom !== undefined) this.#truncateFrom(record.truncateFrom);
    for (const [at, entry] of record.entries.entries()) {
      const { offset, length } = frame.spans[at]!;
      const place = { segment: segment.head.number, length };
      this.#append(entry, { ...place, offset: frame.at + frameHeadBytes + offset });
    }
    if (record.compactTo !== undefined) this.#compactTo(record.compactTo);
  }

  /** Behind damage only what can never be wrong is taken: terms, votes and numbers rise. */
  #keepTerm(later: Pick<SegmentHead, "batchNumber" | "hardState">): void {
    this.#batchNumber = Math.max(this.#batchNumber, later.batchNumber);
    if (later.hardState.currentTerm >= this.#hardState.currentTerm) {
      this.#hardState = later.hardState;
    }
  }

  /** Boundaries below that of meta are history, but what they deleted is deleted. */
  #replaceBy(boundary: Boundary): void {
    this.#lastIndex = boundary.position.index;
    this.#entries.length = 0;
    if (boundary.position.index > this.#boundary.position.index) this.#boundary = boundary;
    this.#places.restart(this.#boundary.position.index);
  }

  #truncateFrom(index: Index): void {
    this.#places.truncateFrom(index);
    while (this.#entries.length > 0 && this.#entries.at(-1)!.index >= index) this.#entries.pop();
    this.#lastIndex = Math.min(this.#lastIndex ?? 0, index - 1);
  }

  #append(entry: Entry, place: EntryPlace): void {
    const due = (this.#lastIndex ?? 0) + 1;
    assert(entry.index === due, `Entry ${entry.index} comes where ${due} is due`);
    this.#lastIndex = entry.index;
    // At or below the boundary it is history. Above, it follows the entries before it, unless meta
    // was lost and the true boundary with it: then nothing behind the gap can be used.
    if (entry.index !== this.#endIndex() + 1) return;
    this.#entries.push(withoutData(entry));
    this.#places.push(entry.index, place);
  }

  #compactTo(boundary: Boundary): void {
    const { index } = boundary.position;
    if (index <= this.#boundary.position.index) return;
    const isHeld = index <= this.#endIndex();
    this.#boundary = boundary;
    const kept = this.#entries.findIndex((entry) => entry.index > index);
    this.#entries.splice(0, kept < 0 ? this.#entries.length : kept);
    if (isHeld) this.#places.compactTo(index);
    else this.#places.restart(index);
  }

  #endIndex(): Index {
    return this.#entries.at(-1)?.index ?? this.#boundary.position.index;
  }
}

const noData = new Uint8Array(0);

/** A replayed log keeps in memory what its outline needs, not the contents of its segments. */
function withoutData(entry: Entry): Entry {
  return entry.kind === "configuration"
    ? { ...entry, data: entry.data.slice() }
    : { ...entry, data: noData };
}
