/** Answers queries from one view of the store. Nothing here changes anything. */

import { type KeyedChange, recordOf } from "./change.ts";
import { emptyBytes } from "../lib/bytes.ts";
import type { Answer, GetQuery, Query, RangeQuery } from "./query.ts";
import { successor, walkRange } from "./range_walk.ts";
import type { KvRecord } from "./record.ts";
import type { View } from "./revisions.ts";
import type { Store } from "./store.ts";

/** The answer from the view that the query names, or why there is none. */
export function answerQuery(store: Store, query: Query): Answer {
  const { oldest, revision: newest } = store.meta;
  const revision = query.revision ?? newest;
  if (revision > newest) return { kind: "future", revision: newest };
  if (revision < oldest) return { kind: "compacted", oldest };
  const view = store.viewAt(revision);
  switch (query.kind) {
    case "get":
      return answerGet(store, query, view);
    case "range":
      return query.countOnly ? answerCount(store, query, view) : answerRange(store, query, view);
  }
}

function answerGet(store: Store, query: GetQuery, view: View): Answer {
  const records: (KvRecord | undefined)[] = [];
  let bytes = 0;
  for (const key of query.keys) {
    if (bytes > query.bytesMax) break;
    const record = store.recordAt(key, view);
    bytes += key.length + (record?.value.length ?? 0);
    records.push(record);
  }
  return { kind: "records", revision: view.revision, records };
}

function answerRange(store: Store, query: RangeQuery, view: View): Answer {
  const items: KvRecord[] = [];
  const prefixes: Uint8Array[] = [];
  let bytes = 0;
  const next = walkRange(store, view, query, {
    isFull: () => items.length + prefixes.length >= query.limit || bytes > query.bytesMax,
    onKey: (change) => {
      const value = query.keysOnly ? emptyBytes : valueOf(store, change);
      bytes += change.key.length + value.length;
      items.push(recordOf(change, change.key, value));
    },
    onPrefix: (prefix) => {
      bytes += prefix.length;
      prefixes.push(prefix);
    },
  });
  const count = items.length + prefixes.length;
  return {
    kind: "range",
    revision: view.revision,
    items,
    prefixes,
    count,
    ...(next === undefined ? {} : { next }),
    ...changed(store, query, view, next),
  };
}

/** A value too long to come along with its slice is read by itself. */
function valueOf(store: Store, change: KeyedChange): Uint8Array {
  if (change.value !== undefined) return change.value;
  return store.recordOfChange(change.number)?.value ?? emptyBytes;
}

function answerCount(store: Store, query: RangeQuery, view: View): Answer {
  const facts = { kind: "range", revision: view.revision, items: [], prefixes: [] } as const;
  if (query.delimiter === undefined && store.isNewest(view)) {
    const { count, next } = store.tables.countLive({ ...query, rowsMax: query.limit });
    const page = next === undefined ? {} : { next: query.reverse ? successor(next) : next };
    return { ...facts, count, ...page, ...changed(store, query, view, next) };
  }
  let count = 0;
  const next = walkRange(store, view, { ...query, keysOnly: true }, {
    isFull: () => count >= query.limit,
    onKey: () => count++,
    onPrefix: () => count++,
  });
  const page = next === undefined ? {} : { next };
  return { ...facts, count, ...page, ...changed(store, query, view, next) };
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
  const found = store.lastChangeSeen(query, view, { heads: next === undefined });
  return found === undefined ? {} : { changed: found };
}
