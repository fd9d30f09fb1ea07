/**
 * When the log is compacted, and how far. The state machine is its own snapshot: once it is durable
 * up to an index, the entries up to there may go. A tail stays for followers that are a little
 * behind, and more of it while somebody can still be helped by entries instead of an image, but
 * only so much: whoever is slow must not let the log grow without end.
 */

import { entryBytes } from "../raft/log.ts";
import type { LogReader } from "../raft/ports.ts";
import type { Entry, Index, LogPosition } from "../raft/types.ts";

/** Policies by size, by time, or both; a bound of 0 is none. */
export interface CompactionPolicy {
  /** Compact when so many entries, or bytes of them, could go. */
  readonly entries: number;
  readonly bytes: number;
  /** Compact so long after the last time, if anything could go. */
  readonly intervalMs: number;
  /** Rest between two compactions, whatever their reason. */
  readonly coolDownMs: number;
  /** The tail that stays: as many entries as both allow. */
  readonly retainedEntries: number;
  readonly retainedBytes: number;
}

/** Entries behind `index` can still help somebody: they may stay, up to so many bytes. */
export interface Hold {
  readonly index: Index;
  readonly bytesMax: number;
}

/** What the compactor stands on. */
export interface LogCompactorParts {
  readonly policy: CompactionPolicy;
  /** Makes the store durable; it then stands as far as `done` says. */
  readonly makeDurable: (done: (through: LogPosition) => void) => void;
  /** The log may begin behind this index. */
  readonly compact: (to: Index) => void;
  readonly log: Pick<LogReader, "entries">;
  /** Up to here the store had applied at the start: of these entries the log knows the sizes. */
  readonly reached: LogPosition;
}

/** Where the log begins and ends, and what is needed of it. */
export interface LogExtent {
  readonly boundary: Index;
  readonly applied: Index;
  readonly holds: readonly Hold[];
}

/** Entries are counted in groups of about so many bytes. */
const groupBytes = 64 * 1024;
/** Of what was applied before the start so much is read at a look, to keep each short. */
const readBytesMax = 1024 * 1024;

interface Group {
  last: Index;
  bytes: number;
}

/** The log of one node. */
export class LogCompactor {
  readonly #parts: LogCompactorParts;
  /** Groups of applied entries, oldest first: the last index of each, and its bytes. */
  #groups: Group[] = [];
  /** What was applied before the start, as far as it was read; undefined when all of it was. */
  #earlier: Group[] | undefined = [];
  #lastMs: number | undefined;
  #isRequested = false;

  constructor(parts: LogCompactorParts) {
    this.#parts = parts;
  }

  /** These entries are applied. */
  applied(entries: readonly Entry[]): void {
    count(entries, this.#groups);
  }

  /** An image took the place of the log. */
  adopted(): void {
    this.#groups = [];
    this.#earlier = undefined;
  }

  /**
   * Compacts at the next look, whatever the policy and its rest say; as soon as something may go,
   * where all that could is still needed.
   */
  request(): void {
    this.#isRequested = true;
  }

  /** To be called now and then. */
  look(extent: LogExtent, nowMs: number): void {
    this.#lastMs ??= nowMs;
    if (!this.#readEarlier(extent)) return;
    const end = this.#target(extent);
    const to = this.#held(extent, end);
    if (end <= extent.boundary) this.#isRequested = false;
    if (to <= extent.boundary) return;
    if (!this.#isDue(extent, to, nowMs)) return;
    const wasRequested = this.#isRequested;
    this.#isRequested = false;
    this.#lastMs = nowMs;
    this.#parts.makeDurable(({ index }) => {
      const durable = Math.min(to, index);
      if (durable <= extent.boundary) {
        // A full disk: what was asked for is still to be done.
        this.#isRequested ||= wasRequested;
        return;
      }
      this.#groups = this.#groups.filter(({ last }) => last > durable);
      this.#parts.compact(durable);
    });
  }

  /** False while there is more to read: the log may hold more bytes than are known of. */
  #readEarlier({ boundary }: LogExtent): boolean {
    if (this.#earlier === undefined) return true;
    const from = Math.max(boundary, this.#earlier.at(-1)?.last ?? 0) + 1;
    const to = this.#parts.reached.index;
    const page = from > to
      ? undefined
      : this.#parts.log.entries({ from, to, bytesMax: readBytesMax });
    if (page === undefined || page.length === 0) {
      this.#groups = [...this.#earlier, ...this.#groups];
      this.#earlier = undefined;
      return true;
    }
    count(page, this.#earlier);
    return false;
  }

  #isDue({ boundary }: LogExtent, to: Index, nowMs: number): boolean {
    if (this.#isRequested) return true;
    const { entries, bytes, intervalMs, coolDownMs } = this.#parts.policy;
    const sinceMs = nowMs - (this.#lastMs ?? nowMs);
    if (sinceMs < coolDownMs) return false;
    if (intervalMs > 0 && sinceMs >= intervalMs) return true;
    if (entries > 0 && to - boundary >= entries) return true;
    return bytes > 0 && this.#bytesBetween(boundary, to) >= bytes;
  }

  /** In front of the tail, whoever needs it. */
  #target({ boundary, applied }: LogExtent): Index {
    const { retainedEntries, retainedBytes } = this.#parts.policy;
    let to = Math.max(boundary, applied - retainedEntries);
    let bytes = 0;
    for (let at = this.#groups.length - 1; at >= 0 && this.#groups[at]!.last > to; at--) {
      bytes += this.#groups[at]!.bytes;
      // The groups in front of this one go.
      if (bytes > retainedBytes) to = Math.max(to, this.#groups[at]!.last);
    }
    return to;
  }

  #held({ boundary, holds }: LogExtent, to: Index): Index {
    const honoured = holds.filter(({ index, bytesMax }) =>
      index < to && this.#bytesBetween(index, to) <= bytesMax
    );
    return Math.max(boundary, Math.min(to, ...honoured.map(({ index }) => index)));
  }

  #bytesBetween(after: Index, through: Index): number {
    let bytes = 0;
    for (const group of this.#groups) {
      if (group.last > after && group.last <= through) bytes += group.bytes;
    }
    return bytes;
  }
}

function count(entries: readonly Entry[], groups: Group[]): void {
  for (const entry of entries) {
    const { index } = entry;
    const group = groups.at(-1);
    const bytes = entryBytes(entry);
    if (group === undefined || group.bytes >= groupBytes) {
      groups.push({ last: index, bytes });
    } else {
      group.last = index;
      group.bytes += bytes;
    }
  }
}
