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
 * has made itself.
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
      if (page.isFull) break;
      // Compaction has not come so far: a gap is damage, and whoever watches would not see it.
      if (change.number !== next) store.missing(next);
      page.look(change);
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
  if ("live" in from) return from.live > purgedThrough ? from.live : undefined;
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

  constructor(store: Store, query: ChangesQuery) {
    this.#store = store;
    this.#query = query;
    this.#range = storedRange(query.range);
  }

  get isFull(): boolean {
    return this.#looked >= this.#query.changesMax || this.#bytes > this.#query.bytesMax;
  }

  look(change: TimedChange): void {
    if (this.#last !== undefined && this.#last.revision !== change.revision) this.#close(false);
    this.#last = change;
    this.#looked++;
    const { start, end } = this.#range;
    if (compareBytes(change.key, start) < 0 || compareBytes(change.key, end) >= 0) return;
    this.#events.push(this.#eventOf(change));
    this.#times = { timeMs: change.timeMs, wallMs: change.wallMs };
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

  #eventOf(change: KeyedChange): ChangeEvent {
    const prev = this.#query.prev ? this.#prevOf(change) : undefined;
    const more = prev === undefined ? {} : { prev };
    this.#bytes += change.key.length + (prev?.value.length ?? 0);
    if (isDeletion(change)) {
      return { kind: "delete", key: userKey(change.key), mod: change.revision, ...more };
    }
    const value = change.value ??
      this.#store.recordOfChange(change.number, change.key)?.value ?? emptyBytes;
    this.#bytes += value.length;
    return { kind: "put", record: recordOf(change, change.key, value), ...more };
  }

  #prevOf({ previous, key }: KeyedChange): KvRecord | undefined {
    return previous === 0 ? undefined : this.#store.recordOfChange(previous, key);
  }
}
