/**
 * What is wrong with an operation whatever the store holds. The edge asks before it proposes, apply
 * asks again: the log must not depend on who wrote to it.
 */

import type {
  Batch,
  Compare,
  Delete,
  Idempotency,
  KeyTarget,
  Operation,
  Put,
  Txn,
  TxnOperation,
  Update,
} from "./command.ts";
import { utf8 } from "../lib/bytes.ts";
import { integerOf } from "./apply_value.ts";
import {
  type ContestArea,
  contestNameBytesMax,
  type ContestOperation,
  electionValueBytesMax,
  lockOwnerBytesMax,
} from "./contest_command.ts";
import { idempotencyKeyBytesMax, identityBytesMax, requestHashBytesMax } from "./idempotency.ts";
import { leaseTtlMsMax, leaseTtlMsMin } from "./leases.ts";
import { jsonRefusal } from "./merge_patch.ts";
import {
  batchItemsMax,
  changesPerRevisionMax,
  keyBytesMax,
  type LeaseId,
  mediaTypeLengthMax,
  txnOperationsMax,
  valueBytesMax,
} from "./record.ts";
import { restoreRefusal } from "./restore_command.ts";

/** Leases that one command names. */
export const leasesPerCommandMax = 1_000;
/** Rows that a range in a transaction answers. */
export const txnRangeLimitMax = 10_000;

/** Why `operation` would be refused whatever the store holds; undefined when it would not. */
export function refusalOf(operation: Operation): string | undefined {
  switch (operation.kind) {
    case "nothing":
      return undefined;
    case "put":
      return keyRefusal(operation.key) ?? putRefusal(operation);
    case "delete":
      return deleteRefusal(operation);
    case "merge":
      return keyRefusal(operation.key) ?? patchRefusal(operation.patch);
    case "update":
      return keyRefusal(operation.key) ?? updateRefusal(operation);
    case "txn":
      return txnRefusal(operation);
    case "batch":
      return batchRefusal(operation);
    case "compact":
      return operation.revision >= 1
        ? undefined
        : `revision is ${operation.revision}, not 1 or more`;
    case "grantLease":
      return ttlRefusal(operation.ttlMs) ?? idRefusal(operation.id);
    case "keepLeases":
      return countRefusal("ids", operation.ids.length);
    case "revokeLease":
    case "raiseDataVersion":
      return undefined;
    case "expireLeases":
      return countRefusal("leases", operation.leases.length);
    case "contend":
    case "leave":
    case "proclaim":
      return contestRefusal(operation);
    case "beginRestore":
    case "stageRestore":
    case "commitRestore":
    case "stepRestore":
    case "abortRestore":
      return restoreRefusal(operation);
  }
}

/** Why no request may be remembered under this; undefined when it may. */
export function idempotencyRefusal(
  { identity, key, requestHash }: Idempotency,
): string | undefined {
  const keyBytes = utf8Bytes(key, idempotencyKeyBytesMax);
  return lengthRefusal("idempotency key", keyBytes, 1, idempotencyKeyBytesMax) ??
    lengthRefusal("identity", utf8Bytes(identity, identityBytesMax), 0, identityBytesMax) ??
    lengthRefusal("request hash", requestHash.length, 1, requestHashBytesMax);
}

/** How many bytes the text takes; where that cannot be above `most`, how many units it has. */
function utf8Bytes(text: string, most: number): number {
  // No unit of a text takes more than three bytes.
  return text.length * 3 <= most ? text.length : utf8(text).length;
}

function lengthRefusal(
  what: string,
  length: number,
  least: number,
  most: number,
): string | undefined {
  if (length >= least && length <= most) return undefined;
  return `the ${what} has ${length} bytes, allowed are ${least} … ${most}`;
}

function keyRefusal(key: Uint8Array): string | undefined {
  if (key.length >= 1 && key.length <= keyBytesMax) return undefined;
  return `key has ${key.length} bytes, allowed are 1 … ${keyBytesMax}`;
}

function targetRefusal(target: KeyTarget): string | undefined {
  return target.kind === "key" ? keyRefusal(target.key) : undefined;
}

function putRefusal(
  { value, mediaType, lease, ttlMs }: Pick<Put, "value" | "mediaType" | "lease" | "ttlMs">,
): string | undefined {
  if (value.length > valueBytesMax) {
    return `value has ${value.length} bytes, allowed are 0 … ${valueBytesMax}`;
  }
  if (mediaType !== undefined && !isMediaType(mediaType)) {
    return `mediaType is not 1 … ${mediaTypeLengthMax} characters of printable ASCII`;
  }
  if (ttlMs === undefined) return undefined;
  return lease === undefined ? ttlRefusal(ttlMs) : "lease and ttl are not given together";
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

function patchRefusal(patch: Uint8Array): string | undefined {
  const reason = jsonRefusal(patch);
  return reason && `the patch is ${reason}`;
}

function updateRefusal({ change }: Update): string | undefined {
  if (change.kind === "append") {
    return change.bytes.length <= valueBytesMax
      ? undefined
      : `value has ${change.bytes.length} bytes, allowed are 0 … ${valueBytesMax}`;
  }
  return integerOf(change.operand) === undefined
    ? "value is not a signed 64-bit integer in decimal"
    : undefined;
}

function txnRefusal(txn: Txn): string | undefined {
  const counted = { operations: 0, compares: 0 };
  const refusal = branchesRefusal(txn, counted);
  const { operations, compares } = counted;
  if (operations <= txnOperationsMax && compares <= txnOperationsMax) return refusal;
  return `the transaction has ${operations} operations and ${compares} compares, ` +
    `allowed are ${txnOperationsMax} of each, nested ones counted`;
}

interface Counted {
  operations: number;
  compares: number;
}

function branchesRefusal(txn: Txn, counted: Counted): string | undefined {
  counted.compares += txn.compares.length;
  counted.operations += txn.then.length + txn.otherwise.length;
  return first(txn.compares, compareRefusal) ??
    first([...txn.then, ...txn.otherwise], (each) => txnOperationRefusal(each, counted));
}

function compareRefusal({ target, expected }: Compare): string | undefined {
  const refusal = targetRefusal(target);
  if (refusal !== undefined || expected.kind !== "value") return refusal;
  return expected.bytes.length <= valueBytesMax
    ? undefined
    : `a value to compare has ${expected.bytes.length} bytes, allowed are 0 … ${valueBytesMax}`;
}

function txnOperationRefusal(operation: TxnOperation, counted: Counted): string | undefined {
  switch (operation.kind) {
    case "put":
      return keyRefusal(operation.put.key) ?? putRefusal(operation.put);
    case "get":
      return keyRefusal(operation.key);
    case "range": {
      const { limit } = operation.range;
      if (limit >= 1 && limit <= txnRangeLimitMax) return undefined;
      return `limit is ${limit}, allowed are 1 … ${txnRangeLimitMax}`;
    }
    case "delete":
      return targetRefusal(operation.target);
    case "txn":
      return branchesRefusal(operation.txn, counted);
  }
}

function batchRefusal({ items }: Batch): string | undefined {
  if (items.length < 1 || items.length > batchItemsMax) {
    return `the batch has ${items.length} items, allowed are 1 … ${batchItemsMax}`;
  }
  return first(items, (item) => {
    if (item.kind === "get") return keyRefusal(item.key);
    // A thousand ranges would be too much for one entry.
    const isRange = item.kind === "delete" && item.target.kind === "range";
    return isRange ? "a batch deletes single keys, no ranges" : refusalOf(item);
  });
}

function ttlRefusal(ttlMs: number): string | undefined {
  if (ttlMs >= leaseTtlMsMin && ttlMs <= leaseTtlMsMax) return undefined;
  return `ttl is ${ttlMs} ms, allowed are ${leaseTtlMsMin} … ${leaseTtlMsMax}`;
}

function contestRefusal(operation: ContestOperation): string | undefined {
  const refusal = lengthRefusal("name", operation.name.length, 1, contestNameBytesMax);
  if (refusal !== undefined) return refusal;
  switch (operation.kind) {
    case "leave":
      return undefined;
    case "proclaim":
      return wordsRefusal("election", operation.value);
    case "contend": {
      const { area, value, lease, ttlMs } = operation;
      if ((lease === undefined) === (ttlMs === undefined)) {
        return "either lease or ttl is given, and not both";
      }
      return wordsRefusal(area, value) ?? (ttlMs === undefined ? undefined : ttlRefusal(ttlMs));
    }
  }
}

function wordsRefusal(area: ContestArea, value: Uint8Array): string | undefined {
  return area === "lock"
    ? lengthRefusal("owner", value.length, 0, lockOwnerBytesMax)
    : lengthRefusal("value", value.length, 0, electionValueBytesMax);
}

/** Zero stands for "no lease" in compares. */
function idRefusal(id: LeaseId | undefined): string | undefined {
  return id === "0" ? "id is 0, allowed is any other signed 64-bit integer" : undefined;
}

function countRefusal(what: string, count: number): string | undefined {
  if (count >= 1 && count <= leasesPerCommandMax) return undefined;
  return `${count} ${what} are named, allowed are 1 … ${leasesPerCommandMax}`;
}

/** The first refusal, with the place of what is refused. */
function first<T>(
  items: readonly T[],
  refusal: (item: T) => string | undefined,
): string | undefined {
  for (const [at, item] of items.entries()) {
    const reason = refusal(item);
    if (reason !== undefined) return items.length === 1 ? reason : `number ${at + 1}: ${reason}`;
  }
  return undefined;
}
