/** Transactions: what is asked, as the JSON of REST, and what its answer means. */

import { bytesMembers, type JsonObject, rangeMembers } from "./members.ts";
import { durationText, type KeyRange } from "./options.ts";
import type { KeyBytes } from "./paths.ts";
import {
  booleanMember,
  type KeyRecord,
  listMember,
  MalformedAnswerError,
  numberMember,
  objectOf,
  prevOf,
  recordOf,
  recordOrNone,
} from "./records.ts";

/** One key, or a range of them. */
export type KeyTarget = { readonly key: KeyBytes } | KeyRange;

/**
 * A condition. Of a range it holds when it holds for every key there. An absent key compares as
 * version, create, mod and lease 0; a compare of its value never holds.
 */
export type Compare =
  & KeyTarget
  & { readonly op: "=" | "!=" | "<" | ">" }
  & (
    | { readonly target: "value"; readonly value: KeyBytes }
    | { readonly target: "version" | "create" | "mod"; readonly value: number }
    /** The id of a lease, `"0"` for none. */
    | { readonly target: "lease"; readonly value: string }
  );

/** A put within a transaction or a batch. */
export interface PutOperation {
  readonly key: KeyBytes;
  readonly value: KeyBytes;
  readonly contentType?: string;
  /** Not together with `lease`. */
  readonly ttlMs?: number;
  readonly lease?: string;
  readonly prev?: boolean;
}

/** One operation, named by its only member. It sees what those before it did. */
export type TxnOperation =
  | { readonly put: PutOperation }
  | { readonly get: { readonly key: KeyBytes } }
  | {
    readonly range: KeyRange & {
      readonly limit?: number;
      readonly reverse?: boolean;
      readonly keysOnly?: boolean;
    };
  }
  | { readonly delete: KeyTarget & { readonly prev?: boolean } }
  | { readonly txn: Txn };

/**
 * Where all of `if` hold, `then` is done, else `else`: whole, in one revision. At most 128
 * operations and 128 compares, nested ones counted; a key may be written once.
 */
export interface Txn {
  readonly if?: readonly Compare[];
  readonly then?: readonly TxnOperation[];
  readonly else?: readonly TxnOperation[];
}

/** What one operation came to, by its kind. */
export type TxnOperationResult =
  | {
    readonly kind: "put";
    readonly revision: number;
    readonly create: number;
    readonly version: number;
    /** With `prev`, unless the key is new. */
    readonly prev?: KeyRecord;
  }
  /** Without a record the key is absent. */
  | { readonly kind: "get"; readonly record?: KeyRecord }
  | { readonly kind: "range"; readonly items: readonly KeyRecord[]; readonly more: boolean }
  | { readonly kind: "delete"; readonly deleted: number; readonly prev: readonly KeyRecord[] }
  | { readonly kind: "txn"; readonly result: TxnBranch }
  /** A read of a write that had to be sent again: what it saw the first time was not kept. */
  | { readonly kind: "omitted" };

/** Which branch was done, and what its operations came to. */
export interface TxnBranch {
  /** True: `then` was done. */
  readonly succeeded: boolean;
  /** Of the transaction; where nothing was changed, the store's. */
  readonly revision: number;
  /** In the order of the operations. */
  readonly results: readonly TxnOperationResult[];
}

/** The result of a transaction. */
export interface TxnResult extends TxnBranch {
  /**
   * The first answer was lost, and what was read then is missing in this one: records before,
   * results of reads, and of more than 4 KiB of answers all results.
   */
  readonly resultsOmitted: boolean;
}

/** The body that asks for it. */
export function txnJson(txn: Txn): JsonObject {
  return {
    ...(txn.if === undefined ? {} : { if: txn.if.map(compareJson) }),
    ...(txn.then === undefined ? {} : { then: txn.then.map(operationJson) }),
    ...(txn.else === undefined ? {} : { else: txn.else.map(operationJson) }),
  };
}

function compareJson(compare: Compare): JsonObject {
  const { target, op } = compare;
  const value = target === "value"
    ? bytesMembers("value", compare.value)
    : { value: compare.value };
  return { ...targetMembers(compare), target, op, ...value };
}

function targetMembers(target: KeyTarget): JsonObject {
  return "key" in target ? bytesMembers("key", target.key) : rangeMembers(target);
}

/** A put as a member of a body. */
export function putJson(put: PutOperation): JsonObject {
  const { key, value, contentType, ttlMs, lease, prev } = put;
  return {
    ...bytesMembers("key", key),
    ...bytesMembers("value", value),
    content_type: contentType,
    ttl: durationText(ttlMs),
    lease,
    prev,
  };
}

function operationJson(operation: TxnOperation): JsonObject {
  if ("put" in operation) return { put: putJson(operation.put) };
  if ("get" in operation) return { get: bytesMembers("key", operation.get.key) };
  if ("txn" in operation) return { txn: txnJson(operation.txn) };
  if ("delete" in operation) {
    const { prev } = operation.delete;
    return { delete: { ...targetMembers(operation.delete), prev } };
  }
  const { limit, reverse, keysOnly } = operation.range;
  return { range: { ...rangeMembers(operation.range), limit, reverse, keys_only: keysOnly } };
}

/** What the answer says. */
export function txnResultOf(json: JsonObject): TxnResult {
  return { ...branchOf(json), resultsOmitted: json["results_omitted"] === true };
}

function branchOf(json: JsonObject): TxnBranch {
  return {
    succeeded: booleanMember(json, "succeeded"),
    revision: numberMember(json, "revision"),
    results: listMember(json, "results").map((result) => operationResultOf(objectOf(result))),
  };
}

function operationResultOf(json: JsonObject): TxnOperationResult {
  const [name] = Object.keys(json);
  if (name === undefined) return { kind: "omitted" };
  if (name === "get") {
    const record = recordOrNone(json["get"]);
    return record === undefined ? { kind: "get" } : { kind: "get", record };
  }
  const members = objectOf(json[name]);
  switch (name) {
    case "put":
      return {
        kind: "put",
        revision: numberMember(members, "revision"),
        create: numberMember(members, "create"),
        version: numberMember(members, "version"),
        ...prevOf(members),
      };
    case "range": {
      const items = listMember(members, "items").map(recordOf);
      return { kind: "range", items, more: booleanMember(members, "more") };
    }
    case "delete": {
      const prev = listMember(members, "prev").map(recordOf);
      return { kind: "delete", deleted: numberMember(members, "deleted"), prev };
    }
    case "txn":
      return { kind: "txn", result: branchOf(members) };
    default:
      throw new MalformedAnswerError(`The answer holds the result of an unknown operation ${name}`);
  }
}
