/** Answers queries from one view of the store. Nothing here changes anything. */

import { type KeyedChange, recordOf } from "./change.ts";
import { emptyBytes } from "../lib/bytes.ts";
import { storedKey, storedRange, userKey } from "./key_space.ts";
import { answerChanges } from "./changes.ts";
import { answerContest } from "./contest_reads.ts";
import { answerHistory } from "./history.ts";
import { answerLease, answerLeases } from "./lease_reads.ts";
import type { Answer, GetQuery, Query, RangeQuery } from "./query.ts";
import { successor, walkRange } from "./range_walk.ts";
import type { KvRecord } from "./record.ts";
import type { View } from "./revisions.ts";
import type { Store } from "./store.ts";

/**
 * The answer from the view that the query names, or why there is none. `isPinned`: nothing of that
 * view was removed, although it may have been given up since, and whoever asks knows it.
 */
export function answerQuery(store: Store, query: Query, isPinned = false): Answer {
  const { oldest, revision: newest } = store.meta;
  // What is half restored is as good as not there yet.
  if (store.restores.isClosed) return { kind: "future", revision: newest };
  const revision = query.revision ?? newest;
  if (revision > newest) return { kind: "future", revision: newest };
  if (revision < oldest && !isPinned) return { kind: "compacted", oldest };
  const view = store.viewAt(revision);
  switch (query.kind) {
    case "get":
      return answerGet(store, query, view);
    case "range":
      return query.countOnly ? answerCount(store, query, view) : answerRange(store, query, view);
    case "history":
      return answerHistory(store, query, view);
    case "changes":
      return answerChanges(store, query);
    case "lease":
      return answerLease(store, query);
    case "leases":
      return answerLeases(store, query);
    case "contest":
      return answerContest(store, query);
  }
}

function answerGet(store: Store, query: GetQuery, view: View): Answer {
  const records: (KvRecord | undefined)[] = [];
  let bytes = 0;
  for (const key of query.keys) {
    if (bytes > query.bytesMax) break;
    const record = store.recordAt(storedKey(key), view);
    bytes += key.length + (record?.value.length ?? 0);
    records.push(record);
  }
  return { kind: "records", revision: view.revision, records };
}

function answerRange(store: Store, query: RangeQuery, view: View): Answer {
  const { items, prefixes, next } = collectRange(store, query, view);
  return {
    kind: "range",
    revision: view.revision,
    items,
    prefixes,
    count: items.length + prefixes.length,
    ...(next === undefined ? {} : { next: userKey(next) }),
    ...changed(store, query, view, next),
  };
}

/** What a range in a transaction answers. */
export function rangeNow(
  store: Store,
  range: Pick<RangeQuery, "start" | "end" | "limit" | "bytesMax" | "reverse" | "keysOnly">,
): { readonly items: readonly KvRecord[]; readonly more: boolean } {
  const { items, next } = collectRange(store, range, store.newestView());
  return { items, more: next !== undefined };
}

/** `next` as a stored key. */
function collectRange(
  store: Store,
  query: Omit<RangeQuery, "kind" | "countOnly">,
  view: View,
): {
  readonly items: readonly KvRecord[];
  readonly prefixes: readonly Uint8Array[];
  readonly next: Uint8Array | undefined;
} {
  const items: KvRecord[] = [];
  const prefixes: Uint8Array[] = [];
  let bytes = 0;
  const next = walkRange(store, view, { ...query, ...storedRange(query) }, {
    isFull: () => items.length + prefixes.length >= query.limit || bytes > query.bytesMax,
    onKey: (change) => {
      const value = query.keysOnly ? emptyBytes : valueOf(store, change);
      const record = recordOf(change, change.key, value);
      bytes += record.key.length + value.length;
      items.push(record);
    },
    onPrefix: (prefix) => {
      bytes += prefix.length;
      prefixes.push(prefix);
    },
  });
  return { items, prefixes, next };
}

/** A value that does not come along with its slice is read by itself. */
function valueOf(store: Store, change: KeyedChange): Uint8Array {
  if (change.value !== undefined) return change.value;
  return store.recordOfChange(change.number, change.key)?.value ?? emptyBytes;
}

function answerCount(store: Store, query: RangeQuery, view: View): Answer {
  const stored = { ...query, ...storedRange(query) };
  const { count, next } = query.delimiter === undefined && store.isNewest(view)
    ? countLive(store, stored)
    : countShown(store, stored, view);
  return {
    ...{ kind: "range", revision: view.revision, items: [], prefixes: [], count },
    ...(next === undefined ? {} : { next: userKey(next) }),
    ...changed(store, query, view, next),
  };
}

/** How many keys were counted, and where to go on. */
interface Counted {
  readonly count: number;
  readonly next?: Uint8Array | undefined;
}

function countLive(store: Store, stored: RangeQuery): Counted {
  const { count, next } = store.tables.countLive({ ...stored, rowsMax: stored.limit });
  if (next === undefined) return { count };
  return { count, next: stored.reverse ? successor(next) : next };
}

function countShown(store: Store, stored: RangeQuery, view: View): Counted {
  let count = 0;
  const next = walkRange(store, view, { ...stored, keysOnly: true }, {
    isFull: () => count >= stored.limit,
    onKey: () => count++,
    onPrefix: () => count++,
  });
  return { count, next };
}

/**
 * The tag of a list. It costs one look at the head of each key in the range where the answer has
 * come to the end of it, and is left out of most pages before that (Store.lastChangeSeen).
 */
function changed(
  store: Store,
  query: RangeQuery,
  view: View,
  next: Uint8Array | undefined,
): { readonly changed?: number } {
  const range = storedRange(query);
  const found = store.lastChangeSeen(range, view, { heads: next === undefined });
  return found === undefined ? {} : { changed: found };
}
