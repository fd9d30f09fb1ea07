/** Deleting one key, or a range of keys. */

import { aliveRecord, refusedChange } from "./apply_put.ts";
import { isDeletion, type KeyedChange } from "./change.ts";
import type { Delete } from "./command.ts";
import { holdOnRange } from "./conditions.ts";
import { storedKey, storedRange } from "./key_space.ts";
import type { KeyRange } from "./ports.ts";
import { changesPerRevisionMax, type KvRecord } from "./record.ts";
import { rejected } from "./rejected.ts";
import {
  type ConditionFailed,
  type DeleteDone,
  deletedRecordsBytesMax,
  type Rejected,
} from "./result.ts";
import { isChangedIn, type Stamp } from "./stamp.ts";
import type { Store } from "./store.ts";

/** Deletes what there is, if the conditions hold. */
export function applyDelete(
  store: Store,
  deletion: Delete,
  stamp: Stamp,
): DeleteDone | ConditionFailed | Rejected {
  return deletion.target.kind === "key"
    ? deleteKey(store, deletion, storedKey(deletion.target.key), stamp)
    : deleteRange(store, deletion, storedRange(deletion.target), stamp);
}

function deleteKey(
  store: Store,
  deletion: Delete,
  key: Uint8Array,
  stamp: Stamp,
): DeleteDone | ConditionFailed | Rejected {
  const head = store.head(key);
  const refusal = refusedChange(store, { key, head, conditions: deletion.conditions }, stamp);
  if (refusal !== undefined) return refusal;
  if (head === undefined || isDeletion(head)) return deletedNothing(store);
  const prev = deletion.prev ? aliveRecord(store, key, head) : undefined;
  store.delete(stamp, key, head);
  const { revision } = stamp;
  const records = prev === undefined ? [] : [prev];
  return { kind: "delete", revision, deleted: 1, more: false, prev: records };
}

function deleteRange(
  store: Store,
  deletion: Delete,
  range: KeyRange,
  stamp: Stamp,
): DeleteDone | ConditionFailed | Rejected {
  const { limit } = deletion;
  const all = { ...range, reverse: false };
  if (limit === undefined) {
    const { count } = store.tables.countLive({ ...all, rowsMax: changesPerRevisionMax + 1 });
    if (count > changesPerRevisionMax) {
      return tooManyKeys(store, "; with a limit the others are left for the next deletion");
    }
  }
  if (!holdOnRange(deletion.conditions, range, store)) {
    return { kind: "conditionFailed", revision: store.revision };
  }
  const keysMax = limit ?? changesPerRevisionMax;
  const found = store.tables.liveSlice({ ...all, rowsMax: keysMax + 1, values: false });
  const doomed = found.slice(0, keysMax);
  if (doomed.length === 0) return deletedNothing(store);
  if (doomed.some((change) => isChangedIn(stamp, change))) {
    return rejected(store, "duplicate_key", "the transaction changes a key twice");
  }
  const prev = deletion.prev ? recordsWithin(store, doomed, deletedRecordsBytesMax) : [];
  const { revision } = stamp;
  for (const change of doomed) store.delete(stamp, change.key, change);
  const more = found.length > keysMax;
  return { kind: "delete", revision, deleted: doomed.length, more, prev };
}

/** The first record, and more as long as all together stay within `bytesMax`. */
function recordsWithin(
  store: Store,
  changes: readonly KeyedChange[],
  bytesMax: number,
): readonly KvRecord[] {
  const records: KvRecord[] = [];
  let bytes = 0;
  for (const { number, key, valueBytes } of changes) {
    bytes += key.length + valueBytes;
    if (bytes > bytesMax && records.length > 0) break;
    const record = store.recordOfChange(number, key);
    if (record !== undefined) records.push(record);
  }
  return records;
}

function deletedNothing(store: Store): DeleteDone {
  return { kind: "delete", revision: store.revision, deleted: 0, more: false, prev: [] };
}

/** The refusal to change so many keys at once. */
export function tooManyKeys(store: Store, advice = ""): Rejected {
  const reason = `one revision changes at most ${changesPerRevisionMax} keys${advice}`;
  return rejected(store, "range_too_large", reason);
}
