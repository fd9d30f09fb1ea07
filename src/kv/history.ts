/** The past of one key, from the newest change back along its chain. */

import { type Change, isDeletion, recordOf } from "./change.ts";
import { storedKey } from "./key_space.ts";
import type { Answer, HistoryItem, HistoryQuery } from "./query.ts";
import type { View } from "./revisions.ts";
import type { Store } from "./store.ts";

/**
 * As far back as the version that the oldest readable revision shows: what lies before that is
 * given up, whether its rows are still there or not. A deletion there is no news.
 */
export function answerHistory(store: Store, query: HistoryQuery, view: View): Answer {
  const { revision } = view;
  const items: HistoryItem[] = [];
  let bytes = 0;
  for (const change of changesOf(store, query, view)) {
    if (items.length === query.limit || bytes > query.bytesMax) {
      const last = items.at(-1)!;
      const next = last.kind === "version" ? last.record.mod : last.mod;
      return { kind: "history", revision, items, next };
    }
    // The key as it was asked for: in the tables it may be longer (key_space.ts).
    bytes += query.key.length + change.value.length;
    items.push(itemOf(change));
  }
  return { kind: "history", revision, items };
}

function* changesOf(store: Store, query: HistoryQuery, view: View): Generator<Change, undefined> {
  const { oldest } = store.meta;
  const { before = view.revision + 1 } = query;
  const from = before > view.revision ? view : store.viewAt(Math.max(oldest, before - 1));
  const key = storedKey(query.key);
  const head = store.head(key);
  let number = head === undefined ? 0 : store.numberAt(head, from);
  while (number > 0) {
    const change = store.changeOf(number, key);
    // Compaction took it: everything before it is gone as well.
    if (change === undefined) return;
    const isOldest = change.revision <= oldest;
    if (isOldest && isDeletion(change)) return;
    // What the oldest revision shows may have been made long before that.
    if (change.revision < before) yield change;
    if (isOldest) return;
    number = change.previous;
  }
}

function itemOf(change: Change): HistoryItem {
  const times = { timeMs: change.timeMs, wallMs: change.wallMs };
  return isDeletion(change)
    ? { kind: "deleted", mod: change.revision, times }
    : { kind: "version", record: recordOf(change, change.key, change.value), times };
}
