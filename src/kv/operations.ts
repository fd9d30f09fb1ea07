/**
 * What each operation of a command does to the store, and what it answers. Deterministic: the
 * outcome depends on the operation and the store alone. Every function decides before it writes
 * its first change, so that an operation happens as a whole or not at all.
 */

import { emptyBytes } from "../lib/bytes.ts";
import {
  type ChangeHead,
  type ChangeTimes,
  isDeletion,
  type KeyedChange,
  recordOf,
} from "./change.ts";
import type { Delete, Operation, Put } from "./command.ts";
import { holdOnKey, holdOnRange } from "./conditions.ts";
import type { KeyRange } from "./ports.ts";
import {
  changesPerRevisionMax,
  keyBytesMax,
  type KvRecord,
  mediaTypeLengthMax,
  valueBytesMax,
} from "./record.ts";
import { currentValueBytesMax, deletedRecordsBytesMax, type Result } from "./result.ts";
import { nextRevision } from "./revisions.ts";
import type { Store } from "./store.ts";

/**
 * Why `operation` would be refused whatever the store holds; undefined when it would not. The edge
 * asks before it proposes, apply asks again: the log must not depend on who wrote to it.
 */
export function refusalOf(operation: Operation): string | undefined {
  switch (operation.kind) {
    case "nothing":
      return undefined;
    case "put":
      return keyRefusal(operation.key) ?? putRefusal(operation);
    case "delete":
      return deleteRefusal(operation);
  }
}

function keyRefusal(key: Uint8Array): string | undefined {
  if (key.length >= 1 && key.length <= keyBytesMax) return undefined;
  return `key has ${key.length} bytes, allowed are 1 … ${keyBytesMax}`;
}

function putRefusal({ value, mediaType, lease, ttlMs }: Put): string | undefined {
  if (value.length > valueBytesMax) {
    return `value has ${value.length} bytes, allowed are 0 … ${valueBytesMax}`;
  }
  if (mediaType !== undefined && !isMediaType(mediaType)) {
    return `mediaType is not 1 … ${mediaTypeLengthMax} characters of printable ASCII`;
  }
  if (lease !== undefined || ttlMs !== undefined) {
    return "leases are not available in this version";
  }
  return undefined;
}

function isMediaType(text: string): boolean {
  return text.length <= mediaTypeLengthMax && /^[\x20-\x7e]+$/.test(text);
}

function deleteRefusal({ target, limit, conditions }: Delete): string | undefined {
  if (limit !== undefined && (limit < 1 || limit > changesPerRevisionMax)) {
    return `limit is ${limit}, allowed are 1 … ${changesPerRevisionMax}`;
  }
  if (target.kind === "key") return keyRefusal(target.key);
  return conditions.ifValue === undefined ? undefined : "ifValue needs a single key";
}

/** Applies what {@link refusalOf} does not refuse. `times` go into each change that it makes. */
export function applyOperation(store: Store, operation: Operation, times: ChangeTimes): Result {
  switch (operation.kind) {
    case "nothing":
      return { kind: "nothing", revision: store.revision };
    case "put":
      return applyPut(store, operation, times);
    case "delete":
      return operation.target.kind === "key"
        ? deleteKey(store, operation, operation.target.key, times)
        : deleteRange(store, operation, operation.target, times);
  }
}

function applyPut(store: Store, put: Put, times: ChangeTimes): Result {
  const head = store.head(put.key);
  if (!holdOnKey(put.conditions, head, store)) return conditionFailed(store, put.key, head);
  const prev = put.prev ? aliveRecord(store, put.key, head) : undefined;
  const revision = nextRevision(store.revision);
  const { value, mediaType, lease } = put;
  const written = store.put({ revision, ...times }, put.key, { value, mediaType, lease }, head);
  return { kind: "put", revision, ...written, ...(prev === undefined ? {} : { prev }) };
}

function deleteKey(
  store: Store,
  deletion: Delete,
  key: Uint8Array,
  times: ChangeTimes,
): Result {
  const head = store.head(key);
  if (!holdOnKey(deletion.conditions, head, store)) return conditionFailed(store, key, head);
  if (head === undefined || isDeletion(head)) return deletedNothing(store);
  const prev = deletion.prev ? aliveRecord(store, key, head) : undefined;
  const revision = nextRevision(store.revision);
  store.delete({ revision, ...times }, key, head);
  const records = prev === undefined ? [] : [prev];
  return { kind: "delete", revision, deleted: 1, more: false, prev: records };
}

function deleteRange(
  store: Store,
  deletion: Delete,
  range: KeyRange,
  times: ChangeTimes,
): Result {
  const { limit } = deletion;
  const all = { ...range, reverse: false };
  if (limit === undefined) {
    const { count } = store.tables.countLive({ ...all, rowsMax: changesPerRevisionMax + 1 });
    if (count > changesPerRevisionMax) {
      return { kind: "rangeTooLarge", revision: store.revision, keys: count };
    }
  }
  if (!holdOnRange(deletion.conditions, range, store)) {
    return { kind: "conditionFailed", revision: store.revision };
  }
  const keysMax = limit ?? changesPerRevisionMax;
  const found = store.tables.liveSlice({ ...all, rowsMax: keysMax + 1, values: false });
  const doomed = found.slice(0, keysMax);
  if (doomed.length === 0) return deletedNothing(store);
  const prev = deletion.prev ? recordsWithin(store, doomed, deletedRecordsBytesMax) : [];
  const revision = nextRevision(store.revision);
  const stamp = { revision, ...times };
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
    const record = store.recordOfChange(number);
    if (record !== undefined) records.push(record);
  }
  return records;
}

function deletedNothing(store: Store): Result {
  return { kind: "delete", revision: store.revision, deleted: 0, more: false, prev: [] };
}

function conditionFailed(
  store: Store,
  key: Uint8Array,
  head: ChangeHead | undefined,
): Result {
  const failed = { kind: "conditionFailed", revision: store.revision } as const;
  if (head === undefined || isDeletion(head)) return failed;
  if (head.valueBytes > currentValueBytesMax) {
    return { ...failed, current: recordOf(head, key, emptyBytes), valueOmitted: true };
  }
  const current = aliveRecord(store, key, head);
  return current === undefined ? failed : { ...failed, current };
}

function aliveRecord(
  store: Store,
  key: Uint8Array,
  head: ChangeHead | undefined,
): KvRecord | undefined {
  if (head === undefined || isDeletion(head)) return undefined;
  const change = store.tables.change(head.number);
  return change && recordOf(change, key, change.value);
}
