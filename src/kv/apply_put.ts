/** Writing one key. */

import { emptyBytes } from "../lib/bytes.ts";
import { grantPrivate, leaseRefusal } from "./apply_lease.ts";
import { type ChangeHead, isDeletion, recordOf } from "./change.ts";
import type { Conditions, Put } from "./command.ts";
import { holdOnKey } from "./conditions.ts";
import { storedKey } from "./key_space.ts";
import type { KvRecord } from "./record.ts";
import { rejected } from "./rejected.ts";
import {
  type ConditionFailed,
  currentValueBytesMax,
  type PutDone,
  type Rejected,
} from "./result.ts";
import { isChangedIn, type Stamp } from "./stamp.ts";
import type { NewVersion, Store } from "./store.ts";

/** Writes the key, if the conditions hold and the lease can take it. */
export function applyPut(
  store: Store,
  put: Put,
  stamp: Stamp,
): PutDone | ConditionFailed | Rejected {
  const key = storedKey(put.key);
  const head = store.head(key);
  const refusal = refusedChange(store, { key, head, conditions: put.conditions }, stamp) ??
    leaseRefusal(store, put.lease, head);
  if (refusal !== undefined) return refusal;
  const { ttlMs } = put;
  const lease = ttlMs === undefined ? put.lease : grantPrivate(store, ttlMs, stamp);
  const { value, mediaType } = put;
  const version = { value, mediaType, lease };
  const done = writeVersion(store, { key, head, version, prev: put.prev }, stamp);
  return ttlMs === undefined || lease === undefined ? done : { ...done, lease };
}

/** Why the key may not be changed now. */
export function refusedChange(
  store: Store,
  { key, head, conditions }: {
    readonly key: Uint8Array;
    readonly head: ChangeHead | undefined;
    readonly conditions: Conditions;
  },
  stamp: Stamp,
): ConditionFailed | Rejected | undefined {
  if (isChangedIn(stamp, head)) {
    return rejected(store, "duplicate_key", "the transaction changes a key twice");
  }
  return holdOnKey(conditions, head, store) ? undefined : conditionFailed(store, key, head);
}

/** Writes what was decided, and answers it. */
export function writeVersion(
  store: Store,
  { key, head, version, prev: wantsPrev, returnValue }: {
    readonly key: Uint8Array;
    readonly head: ChangeHead | undefined;
    readonly version: NewVersion;
    readonly prev: boolean;
    readonly returnValue?: boolean;
  },
  stamp: Stamp,
): PutDone {
  const prev = wantsPrev ? aliveRecord(store, key, head) : undefined;
  const written = store.put(stamp, key, version, head);
  return {
    kind: "put",
    revision: stamp.revision,
    ...written,
    ...(prev === undefined ? {} : { prev }),
    ...(returnValue === true ? { value: version.value } : {}),
  };
}

/** The refusal, with the record as it is. */
export function conditionFailed(
  store: Store,
  key: Uint8Array,
  head: ChangeHead | undefined,
): ConditionFailed {
  const failed = { kind: "conditionFailed", revision: store.revision } as const;
  if (head === undefined || isDeletion(head)) return failed;
  if (head.valueBytes > currentValueBytesMax) {
    return { ...failed, current: recordOf(head, key, emptyBytes), valueOmitted: true };
  }
  const current = aliveRecord(store, key, head);
  return current === undefined ? failed : { ...failed, current };
}

/** The record that `head` left under the key. */
export function aliveRecord(
  store: Store,
  key: Uint8Array,
  head: ChangeHead | undefined,
): KvRecord | undefined {
  if (head === undefined || isDeletion(head)) return undefined;
  return store.recordOfChange(head.number, key);
}
