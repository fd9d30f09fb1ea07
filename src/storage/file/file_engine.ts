/**
 * The StorageEngine on plain files, for those who want no database: `raft/` (frame.ts says its
 * format and why it is so) and, beside it, raft.mark. One LogWrite is one frame and one fdatasync.
 */

import { join } from "node:path";
import { assertDefined } from "../../lib/assert.ts";
import { MalformedBytesError } from "../../lib/bytes.ts";
import {
  type Clock,
  FatalStorageError,
  type StorageEngine,
  type StoredLog,
} from "../../node/ports.ts";
import type { LogReader } from "../../raft/ports.ts";
import type { LogWrite } from "../../raft/ready.ts";
import type { Entry, HardState, Index } from "../../raft/types.ts";
import { errorCode, type Files, isNoSpace } from "../directory/files.ts";
import { LogOutline } from "../log_outline.ts";
import { MarkedLog, type PageRange } from "../marked_log.ts";
import { EntryPlaces } from "./entry_places.ts";
import { decodeEntry, encodeWrite, UnknownFormatError } from "./frame.ts";
import { replay, type Replayed } from "./replay.ts";
import { type Segment, SegmentFiles } from "./segments.ts";

export const logDirectoryName = "raft";
export const segmentBytesMaxDefault: number = 64 * 1024 * 1024;
const tidyIntervalMs = 20;
const pageEntriesMax = 4096;
const copyBytesMax = 1024 * 1024;

/** Where the log stands, and what it is made with. */
export interface FileEngineOptions {
  readonly files: Files;
  /** An existing directory that no other process uses. */
  readonly directory: string;
  readonly clock: Pick<Clock, "every">;
  readonly freeBytes: () => number;
  /** Storage failed outside a call; the process ends with this error. */
  readonly onFatal: (error: FatalStorageError) => void;
  /** A segment that has grown to this is followed by a new one; 64 MiB when absent. */
  readonly segmentBytesMax?: number;
  /** Random when absent; a committed fixture needs a fixed one. */
  readonly drawSalt?: () => number;
}

/** A log in plain files; one engine has the directory at a time. */
export class FileEngine implements StorageEngine {
  readonly writesAreDurable = true;
  readonly log: LogReader;
  readonly #options: FileEngineOptions;
  readonly #files: SegmentFiles;
  readonly #marked: MarkedLog;
  #places = new EntryPlaces(1);
  #segments: Segment[] = [];
  #stopTidying: (() => void) | undefined;

  /** Throws {@link FatalStorageError} when the log cannot be read or is of a newer program. */
  constructor(options: FileEngineOptions) {
    this.#options = options;
    this.#files = new SegmentFiles(options.files, join(options.directory, logDirectoryName));
    this.#marked = new MarkedLog({
      ...options,
      medium: {
        commit: (write) => this.#commit(write),
        committed: (write) => {
          if (write.snapshot !== undefined || write.compactTo !== undefined) this.#tidyLater();
        },
        page: (range) => this.#readPage(range),
      },
    });
    this.log = this.#marked.reader;
    try {
      this.#files.syncFound();
      this.#take(replay(this.#files) ?? this.#create());
    } catch (error) {
      throw this.#startError(error);
    }
    this.#tidyLater();
  }

  stored(): StoredLog {
    return this.#marked.stored();
  }

  persist(write: LogWrite, done: () => void): void {
    this.#marked.persist(write, done);
  }

  /**
   * Copies what is kept behind everything that is there. The switch of `meta` to the copy is the
   * decision; the old segments go after it.
   */
  discard(from: Index, hardState: HardState): void {
    const outline = this.#marked.outlineWithout(from, hardState);
    try {
      const old = this.#files.numbers();
      const places = new EntryPlaces(outline.firstIndex);
      const segment = this.#copy(outline, places, (old.at(-1) ?? 0) + 1);
      const { boundary } = outline;
      this.#files.writeMeta({ firstSegment: segment.head.number, boundary });
      for (const { file } of this.#segments) file.close();
      for (const number of old) this.#files.remove(number);
      this.#take({ outline, places, segments: [segment], badMeta: false });
    } catch (error) {
      throw this.#files.failed("rebuilt", error);
    }
    this.#marked.resetMark();
  }

  space(): { readonly freeBytes: number } {
    return { freeBytes: this.#options.freeBytes() };
  }

  close(): void {
    this.#marked.close();
    this.#stopTidying?.();
    for (const { file } of this.#segments) file.close();
    this.#segments = [];
  }

  #take({ outline, places, segments, ...damage }: Replayed): void {
    this.#marked.found(outline, damage);
    this.#places = places;
    this.#segments = [...segments];
  }

  /** The segment first, meta last: a log without meta was never used. */
  #create(): Replayed {
    const { files, directory } = this.#options;
    files.makeDirectory(this.#files.directory);
    files.syncDirectory(directory);
    const outline = new LogOutline();
    const segment = this.#newSegment(outline, 1);
    this.#files.writeMeta({ firstSegment: 1, boundary: outline.boundary });
    return { outline, places: new EntryPlaces(1), segments: [segment], badMeta: false };
  }

  #newSegment(outline: LogOutline, number: number, lastIndex = outline.lastIndex): Segment {
    const salt = this.#options.drawSalt?.() ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
    const { batchNumber, hardState } = outline;
    return this.#files.create({ salt, number, lastIndex, batchNumber, hardState });
  }

  #commit(write: LogWrite): boolean {
    const hardState = write.hardState ?? this.#marked.outline.hardState;
    try {
      const segment = this.#segmentFor();
      if (segment === undefined) return false;
      const { salt, number } = segment.head;
      const { frame, spans } = encodeWrite(write, { hardState, salt, isCopy: false });
      if (!this.#append(segment, frame)) return false;
      segment.file.sync();
      const start = segment.end;
      segment.end += frame.length;
      if (write.snapshot !== undefined) segment.holdsSnapshot = true;
      this.#place(write, spans.map((span) => ({ ...span, offset: start + span.offset })), number);
      return true;
    } catch (error) {
      throw this.#files.failed("written", error);
    }
  }

  /** The segment for the next write, a new one when it is time; undefined: the disk is full. */
  #segmentFor(): Segment | undefined {
    const current = assertDefined(this.#segments.at(-1), `${this.#files.directory} is open`);
    const { segmentBytesMax = segmentBytesMaxDefault } = this.#options;
    if (current.end < segmentBytesMax) return current;
    const number = current.head.number + 1;
    try {
      const next = this.#newSegment(this.#marked.outline, number);
      this.#segments.push(next);
      return next;
    } catch (error) {
      if (!isNoSpace(errorCode(error))) throw error;
      this.#files.remove(number);
      return undefined;
    }
  }

  /** False: the disk is full, and what had been written is cut off again. */
  #append(segment: Segment, frame: Uint8Array): boolean {
    try {
      segment.file.write(frame, segment.end);
      return true;
    } catch (error) {
      if (!isNoSpace(errorCode(error))) throw error;
      segment.file.truncate(segment.end);
      return false;
    }
  }

  #place(
    write: LogWrite,
    spans: readonly { readonly offset: number; readonly length: number }[],
    segment: number,
  ): void {
    if (write.snapshot !== undefined) this.#places.restart(write.snapshot.position.index);
    if (write.truncateFrom !== undefined) this.#places.truncateFrom(write.truncateFrom);
    for (const [at, { index }] of write.entries.entries()) {
      this.#places.push(index, { ...spans[at]!, segment });
    }
    if (write.compactTo !== undefined) this.#places.compactTo(write.compactTo.position.index);
  }

  #readPage(range: PageRange): readonly Entry[] {
    try {
      return this.#page(range);
    } catch (error) {
      throw this.#files.failed("read", error);
    }
  }

  /** One read of the disk: the entries of one segment that fit, at least one. */
  #page({ from, to, bytesMax }: PageRange): readonly Entry[] {
    const first = this.#places.at(from);
    const places = [first];
    let end = first.offset + first.length;
    let bytes = first.length;
    for (let index = from + 1; index <= to && places.length < pageEntriesMax; index++) {
      const place = this.#places.at(index);
      bytes += place.length;
      if (place.segment !== first.segment || bytes > bytesMax) break;
      places.push(place);
      end = place.offset + place.length;
    }
    const segment = this.#segments.find(({ head }) => head.number === first.segment);
    const { file } = assertDefined(segment, `Segment ${first.segment} of entry ${from} is open`);
    const read = file.read(first.offset, end - first.offset);
    return places.map(({ offset, length }, at) => {
      const start = offset - first.offset;
      const entry = decodeEntry(read.subarray(start, start + length), from + at);
      if (entry !== undefined) return entry;
      throw new FatalStorageError(`${this.#files.directory}: entry ${from + at} is damaged`);
    });
  }

  #copy(outline: LogOutline, places: EntryPlaces, number: number): Segment {
    const { index } = outline.boundary.position;
    const segment = this.#newSegment(outline, number, index);
    const { hardState, batchNumber } = outline;
    const options = { hardState, salt: segment.head.salt, isCopy: true };
    for (let from = outline.firstIndex; from <= outline.lastIndex;) {
      const entries = this.#page({ from, to: outline.lastIndex, bytesMax: copyBytesMax });
      const { frame, spans } = encodeWrite({ number: batchNumber, entries }, options);
      segment.file.write(frame, segment.end);
      for (const [at, span] of spans.entries()) {
        places.push(from + at, { ...span, offset: segment.end + span.offset, segment: number });
      }
      segment.end += frame.length;
      from += entries.length;
    }
    segment.file.sync();
    return segment;
  }

  /** Whole segments below the boundary are deleted on a tick, off the path of writes. */
  #tidyLater(): void {
    if (this.#stopTidying !== undefined || this.#firstLiveSegment() === 0) return;
    this.#stopTidying = this.#options.clock.every(tidyIntervalMs, () => this.#tidy());
  }

  /** Where in #segments the log begins: what lies before holds nothing above the boundary. */
  #firstLiveSegment(): number {
    const { index } = this.#marked.outline.boundary.position;
    return Math.max(
      0,
      this.#segments.findLastIndex(({ head, holdsSnapshot }) =>
        holdsSnapshot || head.lastIndex <= index
      ),
    );
  }

  #tidy(): void {
    const live = this.#firstLiveSegment();
    const firstSegment = assertDefined(this.#segments[live], "A log has a segment").head.number;
    try {
      // Meta first: from then on the next start deletes what this one did not get to.
      this.#files.writeMeta({ firstSegment, boundary: this.#marked.outline.boundary });
      for (const { file, head } of this.#segments.splice(0, live)) {
        file.close();
        this.#files.remove(head.number);
      }
    } catch (error) {
      if (isNoSpace(errorCode(error))) return;
      this.#options.onFatal(this.#files.failed("tidied", error));
    }
    this.#stopTidying?.();
    this.#stopTidying = undefined;
  }

  #startError(error: unknown): FatalStorageError {
    const isUnknown = error instanceof UnknownFormatError || error instanceof MalformedBytesError;
    if (!isUnknown) return this.#files.failed("opened", error);
    const message =
      `${this.#files.directory} holds what this program cannot read: ${error.message}`;
    return new FatalStorageError(message, { cause: error });
  }
}
