/** Transactions: from their JSON to what the store is asked. */

import { hex, utf8 } from "../lib/bytes.ts";
import type { Operation } from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import type { BodyReader } from "./body_reader.ts";
import { isInt64 } from "./int64.ts";
import { memberPath, shown } from "./json_path.ts";
import { pageLimitDefault } from "./paging.ts";
import type { CompareJson, TxnJson, TxnOperationJson, TxnRangeJson } from "./txn_schemas.ts";

export type Txn = Extract<Operation, { readonly kind: "txn" }>;
export type TxnOperation = Txn["then"][number];
type Compare = Txn["compares"][number];
type Expected = Compare["expected"];

/** The transaction that stands at `at`; what is wrong with it is told to `reader`. */
export function txnOf(json: TxnJson, reader: BodyReader, at = ""): Txn {
  const branch = (name: "then" | "else"): readonly TxnOperation[] => {
    const path = memberPath(at, name);
    const operations = (json[name] ?? []).map((each, i) =>
      operationOf(each, reader, `${path}[${i}]`)
    );
    refuseDuplicates(operations, path);
    return operations;
  };
  return {
    kind: "txn",
    compares: (json.if ?? []).map((each, i) =>
      compareOf(each, reader, `${memberPath(at, "if")}[${i}]`)
    ),
    then: branch("then"),
    otherwise: branch("else"),
  };
}

function compareOf(json: CompareJson, reader: BodyReader, at: string): Compare {
  return {
    target: reader.target(json, at),
    operator: json.op,
    expected: expectedOf(json, reader, at),
  };
}

function expectedOf(json: CompareJson, reader: BodyReader, at: string): Expected {
  const { target, value, value64 } = json;
  if (target === "value") {
    if (typeof value === "number") {
      reader.refuse(`${at}.value`, `${at}.value is ${value}, allowed is a text for target value`);
    }
    const text = value === undefined ? {} : { value: String(value) };
    return { kind: "value", bytes: reader.value({ ...text, value64 }, at) };
  }
  if (value64 !== undefined) {
    reader.refuse(`${at}.value64`, `${at}.value64 is given, target ${target} takes value`);
  }
  const wrong = (allowed: string): void => {
    const is = value === undefined ? "is missing" : `is ${shown(value)}`;
    reader.refuse(`${at}.value`, `${at}.value ${is}, allowed is ${allowed} for target ${target}`);
  };
  if (target === "lease") {
    const isId = typeof value === "string" && isInt64(value);
    if (!isId) wrong('a lease\'s id as text, or "0" for none,');
    return { kind: "lease", lease: isId ? value : "0" };
  }
  const isCount = typeof value === "number" && value >= 0;
  if (!isCount) wrong(`an integer from 0 to ${Number.MAX_SAFE_INTEGER}`);
  return { kind: target, count: isCount ? value : 0 };
}

const operationNames = ["put", "get", "range", "delete", "txn"] as const;

function operationOf(json: TxnOperationJson, reader: BodyReader, at: string): TxnOperation {
  const given = operationNames.filter((name) => json[name] !== undefined);
  if (given.length !== 1) {
    const has = given.length === 0 ? "none" : given.join(" and ");
    reader.refuse(at, `${at} has ${has}, allowed is one of ${operationNames.join(", ")}`);
  }
  const { put, get, range, delete: deletion, txn } = json;
  if (put !== undefined) return { kind: "put", put: reader.put(put, `${at}.put`) };
  if (range !== undefined) return { kind: "range", range: rangeAt(range, reader, `${at}.range`) };
  if (txn !== undefined) return { kind: "txn", txn: txnOf(txn, reader, `${at}.txn`) };
  if (deletion !== undefined) {
    const target = reader.target(deletion, `${at}.delete`);
    return { kind: "delete", target, prev: deletion.prev ?? false };
  }
  // Where there is none at all, that was told, and the transaction is not asked for.
  const key = get === undefined ? utf8("-") : reader.key(get, `${at}.get`);
  return { kind: "get", key };
}

function rangeAt(
  json: TxnRangeJson,
  reader: BodyReader,
  at: string,
): Extract<TxnOperation, { readonly kind: "range" }>["range"] {
  const { kind: _kind, ...range } = reader.range(json, at);
  return {
    ...range,
    limit: json.limit ?? pageLimitDefault,
    reverse: json.reverse ?? false,
    keysOnly: json.keys_only ?? false,
  };
}

/**
 * A key that one list puts and writes a second time. What only the store can see (ranges, nested
 * transactions) it refuses itself, and cannot name the places.
 */
function refuseDuplicates(operations: readonly TxnOperation[], at: string): void {
  const seen = new Map<string, { readonly kind: "put" | "delete"; readonly index: number }>();
  for (const [index, operation] of operations.entries()) {
    const key = writtenKey(operation);
    if (key === undefined) continue;
    const kind = operation.kind === "put" ? "put" : "delete";
    const before = seen.get(hex(key));
    seen.set(hex(key), { kind, index });
    // Deleting twice changes nothing the second time.
    if (before === undefined || (before.kind === "delete" && kind === "delete")) continue;
    const path = `${at}[${index}].${kind}.key`;
    const message = `${path} is ${shown(key)}, which ${at}[${before.index}] writes as well`;
    throw new ServiceError("duplicate_key", message, { issues: [{ path, message }] });
  }
}

function writtenKey(operation: TxnOperation): Uint8Array | undefined {
  if (operation.kind === "put") return operation.put.key;
  if (operation.kind !== "delete" || operation.target.kind !== "key") return undefined;
  return operation.target.key;
}
