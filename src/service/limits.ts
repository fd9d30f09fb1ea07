/** What no request may exceed, whatever protocol it came by. */

import type { BatchItem, Txn } from "../kv/command.ts";
import { refusalOf } from "../kv/refusals.ts";
import { keyBytesMax, type Operation, type Query } from "./contract.ts";
import { type Outcome, ServiceError } from "./errors.ts";

/** Limits that the configuration sets. */
export interface ServiceLimits {
  /** Of a value that is written, bytes. */
  readonly valueBytesMax: number;
}

/**
 * Throws where a key or a value of `operation` is too large, a key is empty, or apply would refuse
 * it whatever the store holds.
 */
export function checkOperation(operation: Operation, limits: ServiceLimits): void {
  for (const key of keysOf(operation)) checkKey(key, "not_applied");
  for (const value of valuesOf(operation)) checkValue(value, limits.valueBytesMax);
  const reason = refusalOf(operation);
  if (reason === undefined) return;
  const sentence = reason.charAt(0).toUpperCase() + reason.slice(1);
  throw new ServiceError("validation_failed", sentence, { outcome: "not_applied" });
}

function keysOf(operation: Operation | BatchItem): readonly Uint8Array[] {
  switch (operation.kind) {
    case "put":
    case "merge":
    case "update":
    case "get":
      return [operation.key];
    case "delete":
      return operation.target.kind === "key" ? [operation.target.key] : [];
    case "batch":
      return operation.items.flatMap(keysOf);
    case "txn":
      return keysOfTxn(operation);
    default:
      return [];
  }
}

function keysOfTxn({ compares, then, otherwise }: Txn): readonly Uint8Array[] {
  const compared = compares.flatMap(({ target }) => target.kind === "key" ? [target.key] : []);
  const used = [...then, ...otherwise].flatMap((each): readonly Uint8Array[] => {
    switch (each.kind) {
      case "put":
        return [each.put.key];
      case "get":
        return [each.key];
      case "delete":
        return each.target.kind === "key" ? [each.target.key] : [];
      case "range":
        return [];
      case "txn":
        return keysOfTxn(each.txn);
    }
  });
  return [...compared, ...used];
}

function valuesOf(operation: Operation | BatchItem): readonly Uint8Array[] {
  switch (operation.kind) {
    case "put":
      return [operation.value];
    case "batch":
      return operation.items.flatMap(valuesOf);
    case "txn":
      return valuesOfTxn(operation);
    default:
      return [];
  }
}

function valuesOfTxn({ then, otherwise }: Txn): readonly Uint8Array[] {
  return [...then, ...otherwise].flatMap((each) => {
    if (each.kind === "put") return [each.put.value];
    return each.kind === "txn" ? valuesOfTxn(each.txn) : [];
  });
}

/** Throws where a key that `query` names is too long or empty. */
export function checkQuery(query: Query): void {
  if (query.kind === "get") { for (const key of query.keys) checkKey(key, undefined); }
}

function checkKey(key: Uint8Array, outcome: Outcome | undefined): void {
  if (key.length >= 1 && key.length <= keyBytesMax) return;
  const detail = `The key has ${key.length} bytes, allowed are 1 … ${keyBytesMax}`;
  throw new ServiceError(key.length === 0 ? "bad_request" : "key_too_long", detail, { outcome });
}

function checkValue(value: Uint8Array, bytesMax: number): void {
  if (value.length <= bytesMax) return;
  const detail = `The value has ${value.length} bytes, allowed are ${bytesMax}`;
  throw new ServiceError("value_too_large", detail, { outcome: "not_applied" });
}
