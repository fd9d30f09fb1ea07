/**
 * The bytes of transactions, a part of the format that command_encoding.ts specifies:
 *
 * ```text
 * txn       = compares then otherwise, each a count:varint and so many of them
 * compare   = target operator:u8 expected:u8 (bytes:bytes | count:varint | lease:text)
 * operation = kind:u8 (put | key:bytes | range | prev:u8 target | txn)
 * put       = as outside, with conditions that ask nothing
 * range     = flags:u8 start:bytes [end:bytes] limit:varint
 * ```
 */

import { type ByteReader, type ByteWriter, MalformedBytesError } from "../lib/bytes.ts";
import {
  type Compare,
  type Expected,
  type Txn,
  type TxnOperation,
  type TxnRange,
  unconditional,
} from "./command.ts";
import { isUnconditional } from "./conditions.ts";
import {
  readBoolean,
  readLeaseId,
  readList,
  requireKnownFlags,
  writeBoolean,
  writeList,
} from "./encoding.ts";
import { readPut, readTarget, writePut, writeTarget } from "./write_encoding.ts";

const operators = ["=", "!=", "<", ">"] as const;
const expectedKind = { value: 0, version: 1, create: 2, mod: 3, lease: 4 } as const;
const txnOperationKind = { put: 0, get: 1, range: 2, delete: 3, txn: 4 } as const;
const rangeFlag = { end: 1, reverse: 2, keysOnly: 4 } as const;

/** Deeper than any transaction that is not refused for its length. */
const depthMax = 200;

/** Compares and both branches, nested ones included. */
export function writeTxn(writer: ByteWriter, { compares, then, otherwise }: Txn): void {
  writeList(writer, compares, (compare) => writeCompare(writer, compare));
  writeList(writer, then, (operation) => writeTxnOperation(writer, operation));
  writeList(writer, otherwise, (operation) => writeTxnOperation(writer, operation));
}

/** Undoes {@link writeTxn}; throws MalformedBytesError. */
export function readTxn(reader: ByteReader, depth = 0): Txn {
  if (depth > depthMax) throw new MalformedBytesError("transaction nested too deep");
  return {
    kind: "txn",
    compares: readList(reader, () => readCompare(reader)),
    then: readList(reader, () => readTxnOperation(reader, depth)),
    otherwise: readList(reader, () => readTxnOperation(reader, depth)),
  };
}

function writeCompare(writer: ByteWriter, { target, operator, expected }: Compare): void {
  writeTarget(writer, target);
  writer.u8(operators.indexOf(operator)).u8(expectedKind[expected.kind]);
  switch (expected.kind) {
    case "value":
      writer.bytes(expected.bytes);
      return;
    case "version":
    case "create":
    case "mod":
      writer.varint(expected.count);
      return;
    case "lease":
      writer.text(expected.lease);
  }
}

function readCompare(reader: ByteReader): Compare {
  const target = readTarget(reader);
  const number = reader.u8();
  const operator = operators[number];
  if (operator === undefined) throw new MalformedBytesError(`operator of unknown number ${number}`);
  return { target, operator, expected: readExpected(reader) };
}

function readExpected(reader: ByteReader): Expected {
  const kind = reader.u8();
  switch (kind) {
    case expectedKind.value:
      return { kind: "value", bytes: reader.bytes() };
    case expectedKind.version:
      return { kind: "version", count: reader.varint() };
    case expectedKind.create:
      return { kind: "create", count: reader.varint() };
    case expectedKind.mod:
      return { kind: "mod", count: reader.varint() };
    case expectedKind.lease:
      return { kind: "lease", lease: readLeaseId(reader) };
  }
  throw new MalformedBytesError(`compare of unknown kind ${kind}`);
}

function writeTxnOperation(writer: ByteWriter, operation: TxnOperation): void {
  writer.u8(txnOperationKind[operation.kind]);
  switch (operation.kind) {
    case "put":
      return writePut(writer, { ...operation.put, kind: "put", conditions: unconditional });
    case "get":
      writer.bytes(operation.key);
      return;
    case "range":
      return writeRange(writer, operation.range);
    case "delete":
      writeBoolean(writer, operation.prev);
      return writeTarget(writer, operation.target);
    case "txn":
      return writeTxn(writer, operation.txn);
  }
}

function readTxnOperation(reader: ByteReader, depth: number): TxnOperation {
  const kind = reader.u8();
  switch (kind) {
    case txnOperationKind.put: {
      const { kind: _kind, conditions, ...put } = readPut(reader);
      // Passed over, they would make a conditional write unconditional.
      if (isUnconditional(conditions)) return { kind: "put", put };
      throw new MalformedBytesError("put with conditions in a transaction");
    }
    case txnOperationKind.get:
      return { kind: "get", key: reader.bytes() };
    case txnOperationKind.range:
      return { kind: "range", range: readRange(reader) };
    case txnOperationKind.delete: {
      const prev = readBoolean(reader);
      return { kind: "delete", prev, target: readTarget(reader) };
    }
    case txnOperationKind.txn:
      return { kind: "txn", txn: readTxn(reader, depth + 1) };
  }
  throw new MalformedBytesError(`operation of unknown kind ${kind} in a transaction`);
}

function writeRange(writer: ByteWriter, range: TxnRange): void {
  const { start, end, limit, reverse, keysOnly } = range;
  writer.u8(
    (end === undefined ? 0 : rangeFlag.end) | (reverse ? rangeFlag.reverse : 0) |
      (keysOnly ? rangeFlag.keysOnly : 0),
  );
  writer.bytes(start);
  if (end !== undefined) writer.bytes(end);
  writer.varint(limit);
}

function readRange(reader: ByteReader): TxnRange {
  const flags = reader.u8();
  requireKnownFlags(flags, 7, "range");
  const start = reader.bytes();
  const end = (flags & rangeFlag.end) === 0 ? {} : { end: reader.bytes() };
  return {
    start,
    ...end,
    limit: reader.varint(),
    reverse: (flags & rangeFlag.reverse) !== 0,
    keysOnly: (flags & rangeFlag.keysOnly) !== 0,
  };
}
