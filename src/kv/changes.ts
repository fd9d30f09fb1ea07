/** The changes of a range in order: what watches are made of. */

import { compareBytes, emptyBytes } from "../lib/bytes.ts";
import {
  type ChangeTimes,
  isDeletion,
  type KeyedChange,
  recordOf,
  type TimedChange,
} from "./change.ts";
import { storedRange, userKey } from "./key_space.ts";
import type { ChangeNumber, KeyRange } from "./ports.ts";
import type { Answer, ChangeEvent, ChangesQuery, RevisionChanges } from "./query.ts";
import type { KvRecord, Revision } from "./record.ts";
import { lastChangeAt } from "./revisions.ts";
import type { Store } from "./store.ts";

/** Rows in one slice: few where a page may end soon, then twice as many each time. */
const sliceRowsMin = 8;
const sliceRowsMax = 256;

/**
 * From revisions that are given up nothing is told, whether their rows are still there or not. But
 * who is live is told of them as long as no row is missing: one page of the log may give up what it
 * has made itself. What a restore does to a store that was written to is told to nobody.
 */
export function answerChanges(store: Store, query: ChangesQuery): Answer {
  const { oldest, revision, changes } = store.meta;
  const from = firstOf(store, query);
  if (from === undefined) return { kind: "compacted", oldest };
  if (from === "future") return { kind: "future", revision };
  const page = new Page(store, query);
  const valuesIn = storedRange(query.range);
  let next = from;
  let rowsMax = sliceRowsMin;
  while (next <= changes && !page.isFull) {
    const slice = store.tables.changeSlice(next, { rowsMax, valuesIn });
    rowsMax = Math.min(rowsMax * 2, sliceRowsMax);
    if (slice.length === 0) store.missing(next);
    for (const change of slice) {
      // Compaction has not come so far: a gap is damage, and whoever watches would not see it.
      if (change.number !== next) store.missing(next);
      if (!page.takes(change)) break;
      next++;
    }
  }
  return { kind: "changes", revision, next, ...page.end(next > changes) };
}

/** The number of the first change that is asked for; undefined where it is given up. */
function firstOf(store: Store, { from }: ChangesQuery): ChangeNumber | "future" | undefined {
  const { oldest, revision, changes, purgedThrough } = store.meta;
  if ("after" in from) {
    if (from.after > revision) return "future";
    if (from.after < oldest) return undefined;
    return lastChangeAt(store.tables, from.after, store.meta) + 1;
  }
  if ("live" in from) {
    // What a restore has replaced is no past that goes on, for nobody.
    const given = Math.max(purgedThrough, store.restores.replacedThrough);
    return from.live > given ? from.live : undefined;
  }
  if (from.number > changes) return from.number;
  const found = store.tables.firstFrom(from.number);
  return found?.number === from.number && found.revision > oldest ? from.number : undefined;
}

/** Gathers what concerns the range, revision by revision. */
class Page {
  readonly #store: Store;
  readonly #query: ChangesQuery;
  readonly #range: Required<KeyRange>;
  readonly #revisions: RevisionChanges[] = [];
  #events: ChangeEvent[] = [];
  /** Of the last of them: they share it. */
  #times: ChangeTimes = { timeMs: 0, wallMs: 0 };
  /** Of the change that was looked at last. */
  #last: KeyedChange | undefined;
  #looked = 0;
  #bytes = 0;
  /** There was a change for which no bytes were left. */
  #isOutOfBytes = false;

  constructor(store: Store, query: ChangesQuery) {
    this.#store = store;
    this.#query = query;
    this.#range = storedRange(query.range);
  }

  get isFull(): boolean {
    return this.#isOutOfBytes || this.#looked >= this.#query.changesMax;
  }

  /** Looks at the change; false where it has no place any more. */
  takes(change: TimedChange): boolean {
    if (this.isFull) return false;
    const event = this.#isInside(change.key) ? this.#eventOf(change) : undefined;
    if (this.isFull) return false;
    if (this.#last !== undefined && this.#last.revision !== change.revision) this.#close(false);
    this.#last = change;
    this.#looked++;
    if (event === undefined) return true;
    this.#events.push(event);
    this.#times = { timeMs: change.timeMs, wallMs: change.wallMs };
    return true;
  }

  #isInside(key: Uint8Array): boolean {
    const { start, end } = this.#range;
    return compareBytes(key, start) >= 0 && compareBytes(key, end) < 0;
  }

  /** `isAll`: there is no change behind the last one that was looked at. */
  end(isAll: boolean): {
    readonly revisions: readonly RevisionChanges[];
    readonly through: Revision;
  } {
    const last = this.#last;
    const { revision } = this.#store.meta;
    if (last === undefined) return { revisions: [], through: this.#nothingThrough() };
    const isPartial = !isAll && this.#isUnfinished(last);
    this.#close(isPartial);
    const through = isAll ? revision : isPartial ? last.revision - 1 : last.revision;
    return { revisions: this.#revisions, through };
  }

  /**
   * More of the same revision concerns the range. Changes elsewhere do not count: otherwise the
   * answers behind this one might have nothing with which to finish the revision.
   */
  #isUnfinished({ number, revision }: KeyedChange): boolean {
    const { tables, meta } = this.#store;
    if (tables.firstFrom(number + 1)?.revision !== revision) return false;
    const through = lastChangeAt(tables, revision, meta);
    return tables.lastChangeIn(this.#range, { after: number, through }) > 0;
  }

  /** Nothing was looked at: all that there is lies before. */
  #nothingThrough(): Revision {
    return this.#store.meta.revision;
  }

  #close(isPartial: boolean): void {
    const { revision } = this.#last!;
    if (this.#events.length > 0) {
      this.#revisions.push({ revision, times: this.#times, events: this.#events, isPartial });
    }
    this.#events = [];
  }

  /** Undefined, and the page is full, where there is no room for it behind others. */
  #eventOf(change: KeyedChange): ChangeEvent | undefined {
    if (!this.#hasRoomFor(change.key.length + change.valueBytes)) return undefined;
    const prev = this.#query.prev ? this.#prevOf(change) : undefined;
    const more = prev === undefined ? {} : { prev };
    const bytes = change.key.length + change.valueBytes + (prev?.value.length ?? 0);
    if (!this.#hasRoomFor(bytes)) return undefined;
    this.#bytes += bytes;
    if (isDeletion(change)) {
      return { kind: "delete", key: userKey(change.key), mod: change.revision, ...more };
    }
    const value = change.value ??
      this.#store.recordOfChange(change.number, change.key)?.value ?? emptyBytes;
    return { kind: "put", record: recordOf(change, change.key, value), ...more };
  }

  #hasRoomFor(bytes: number): boolean {
    const isAlone = this.#revisions.length === 0 && this.#events.length === 0;
    this.#isOutOfBytes = !isAlone && this.#bytes + bytes > this.#query.bytesMax;
    return !this.#isOutOfBytes;
  }

  #prevOf({ previous, key }: KeyedChange): KvRecord | undefined {
    return previous === 0 ? undefined : this.#store.recordOfChange(previous, key);
  }
}
