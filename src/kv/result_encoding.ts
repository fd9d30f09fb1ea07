/**
 * The bytes of results: how the leader answers a follower that handed an operation on, and what an
 * idempotency record keeps. The format is final, and grows like that of commands; 5 and 6 were
 * kinds once.
 *
 * ```text
 * result           = version:u8 flags:u8 outcome
 * outcome          = kind:u8 body
 * none             =
 * put              = revision:varint create:varint version:varint flags:u8 [record] [value:bytes]
 *                    [lease:text]
 * delete           = revision:varint deleted:varint more:u8 count:varint record …
 * nothing          = revision:varint
 * conditionFailed  = revision:varint flags:u8 [record]
 * rejected         = revision:varint code:u8 reason:text
 * txn              = revision:varint succeeded:u8 count:varint outcome …
 * get              = flags:u8 [record]                          in txn and batch only
 * range            = more:u8 count:varint record …              in txn only
 * batch            = revision:varint count:varint outcome …
 * compacted        = revision:varint oldest:varint
 * granted          = revision:varint lease
 * kept             = revision:varint count:varint (is:u8 [lease]) …
 * ended            = revision:varint leases:varint deleted:varint
 * contest          = revision:varint …                          see contest_encoding.ts
 * restore          = revision:varint is:u8 [id:text phase:u8 next:varint]
 * lease            = id:text ttlMs:varint
 * ```
 */

import { ByteReader, ByteWriter, MalformedBytesError } from "../lib/bytes.ts";
import { readContestDone, writeContestDone } from "./contest_encoding.ts";
import {
  type Decoded,
  decodeTotally,
  readBoolean,
  readLeaseId,
  readList,
  readRecord,
  readVersion,
  requireKnownFlags,
  writeBoolean,
  writeList,
  writeRecord,
} from "./encoding.ts";
import type { KvRecord } from "./record.ts";
import { restorePhases } from "./restore_command.ts";
import {
  type BatchDone,
  type LeaseGiven,
  type Outcome,
  type PutDone,
  rejectedCodes,
  type RestoreDone,
  type Result,
  type TxnResult,
} from "./result.ts";

const resultVersion = 2;
const resultFlag = { replayed: 1, omitted: 2 } as const;
const kindNumber = {
  none: 0,
  put: 1,
  delete: 2,
  nothing: 3,
  conditionFailed: 4,
  rejected: 7,
  txn: 8,
  get: 9,
  range: 10,
  batch: 11,
  compacted: 12,
  granted: 13,
  kept: 14,
  ended: 15,
  contest: 16,
  restore: 17,
} as const;
const putFlag = { prev: 1, value: 2, lease: 4 } as const;
const failedFlag = { current: 1, valueOmitted: 2 } as const;

/** Whatever stands somewhere in a result. */
type Part = Outcome | TxnResult | BatchDone["results"][number];

/** The one encoding of a result, the same on every node. */
export function encodeResult(result: Result): Uint8Array {
  const { replayed, omitted, ...outcome } = result;
  const writer = new ByteWriter().u8(resultVersion);
  writer.u8((replayed ? resultFlag.replayed : 0) | (omitted ? resultFlag.omitted : 0));
  writePart(writer, outcome);
  return writer.finish();
}

/** Total: any bytes give a result or a reason. Keys and values are views of `bytes`. */
export function decodeResult(bytes: Uint8Array): Decoded<Result> {
  return decodeTotally(() => {
    const reader = new ByteReader(bytes);
    readVersion(reader, resultVersion, "result");
    const flags = reader.u8();
    requireKnownFlags(flags, 3, "result");
    const outcome = readPart(reader, 0);
    if (outcome.kind === "get" || outcome.kind === "range") {
      throw new MalformedBytesError(`${outcome.kind} outside of a transaction`);
    }
    reader.end();
    return {
      ...outcome,
      ...((flags & resultFlag.replayed) === 0 ? {} : { replayed: true as const }),
      ...((flags & resultFlag.omitted) === 0 ? {} : { omitted: true as const }),
    };
  });
}

function writePart(writer: ByteWriter, part: Part): void {
  writer.u8(kindNumber[part.kind]);
  switch (part.kind) {
    case "none":
      return;
    case "get":
      return writeOptional(writer, part.record, (record) => writeRecord(writer, record));
    case "range":
      writeBoolean(writer, part.more);
      return writeRecords(writer, part.items);
  }
  writer.varint(part.revision);
  switch (part.kind) {
    case "nothing":
      return;
    case "put":
      return writePut(writer, part);
    case "delete":
      writer.varint(part.deleted);
      writeBoolean(writer, part.more);
      return writeRecords(writer, part.prev);
    case "conditionFailed": {
      const { current, valueOmitted } = part;
      writer.u8(
        (current === undefined ? 0 : failedFlag.current) |
          (valueOmitted ? failedFlag.valueOmitted : 0),
      );
      if (current !== undefined) writeRecord(writer, current);
      return;
    }
    case "rejected":
      writer.u8(rejectedCodes.indexOf(part.code)).text(part.reason);
      return;
    case "txn":
      writeBoolean(writer, part.succeeded);
      return writeList(writer, part.results, (each) => writePart(writer, each));
    case "batch":
      return writeList(writer, part.results, (each) => writePart(writer, each));
    case "compacted":
      writer.varint(part.oldest);
      return;
    case "granted":
      return writeLease(writer, part.lease);
    case "kept":
      return writeList(writer, part.leases, (lease) => {
        writeOptional(writer, lease, (given) => writeLease(writer, given));
      });
    case "ended":
      writer.varint(part.leases).varint(part.deleted);
      return;
    case "contest":
      return writeContestDone(writer, part);
    case "restore":
      return writeOptional(writer, part.restore, ({ id, phase, next }) => {
        writer.text(id).u8(restorePhases.indexOf(phase)).varint(next);
      });
  }
}

function writePut(writer: ByteWriter, { create, version, prev, value, lease }: PutDone): void {
  writer.varint(create).varint(version);
  writer.u8(
    (prev === undefined ? 0 : putFlag.prev) | (value === undefined ? 0 : putFlag.value) |
      (lease === undefined ? 0 : putFlag.lease),
  );
  if (prev !== undefined) writeRecord(writer, prev);
  if (value !== undefined) writer.bytes(value);
  if (lease !== undefined) writer.text(lease);
}

/** Transactions in transactions: no deeper than those that are not refused. */
const depthMax = 200;

function readPart(reader: ByteReader, depth: number): Part {
  if (depth > depthMax) throw new MalformedBytesError("result nested too deep");
  const number = reader.u8();
  switch (number) {
    case kindNumber.none:
      return { kind: "none" };
    case kindNumber.get: {
      const record = readOptional(reader, () => readRecord(reader));
      return record === undefined ? { kind: "get" } : { kind: "get", record };
    }
    case kindNumber.range: {
      const more = readBoolean(reader);
      return { kind: "range", more, items: readList(reader, () => readRecord(reader)) };
    }
  }
  return readRevised(reader, number, depth);
}

/** The parts that begin with a revision. */
function readRevised(reader: ByteReader, number: number, depth: number): Part {
  const revision = reader.varint();
  switch (number) {
    case kindNumber.nothing:
      return { kind: "nothing", revision };
    case kindNumber.put:
      return readPut(reader, revision);
    case kindNumber.delete: {
      const deleted = reader.varint();
      const more = readBoolean(reader);
      const prev = readList(reader, () => readRecord(reader));
      return { kind: "delete", revision, deleted, more, prev };
    }
    case kindNumber.conditionFailed:
      return readFailed(reader, revision);
    case kindNumber.rejected: {
      const code = rejectedCodes[reader.u8()];
      if (code === undefined) throw new MalformedBytesError("rejected with an unknown code");
      return { kind: "rejected", revision, code, reason: reader.text() };
    }
    case kindNumber.txn: {
      const succeeded = readBoolean(reader);
      const results = readList(reader, () => requireTxnResult(readPart(reader, depth + 1)));
      return { kind: "txn", revision, succeeded, results };
    }
    case kindNumber.batch: {
      const results = readList(reader, () => requireItemResult(readPart(reader, depth + 1)));
      return { kind: "batch", revision, results };
    }
    case kindNumber.compacted:
      return { kind: "compacted", revision, oldest: reader.varint() };
    case kindNumber.granted:
      return { kind: "granted", revision, lease: readLease(reader) };
    case kindNumber.kept: {
      const readKept = () => readOptional(reader, () => readLease(reader));
      return { kind: "kept", revision, leases: readList(reader, readKept) };
    }
    case kindNumber.ended:
      return { kind: "ended", revision, leases: reader.varint(), deleted: reader.varint() };
    case kindNumber.contest:
      return readContestDone(reader, revision);
    case kindNumber.restore: {
      const restore = readOptional(reader, () => readRestoreStanding(reader));
      return { kind: "restore", revision, ...(restore === undefined ? {} : { restore }) };
    }
  }
  throw new MalformedBytesError(`result of unknown kind ${number}`);
}

function readRestoreStanding(reader: ByteReader): NonNullable<RestoreDone["restore"]> {
  const id = reader.text();
  const phase = restorePhases[reader.u8()];
  if (phase === undefined) throw new MalformedBytesError("restore in an unknown phase");
  return { id, phase, next: reader.varint() };
}

function readPut(reader: ByteReader, revision: number): Part {
  const create = reader.varint();
  const version = reader.varint();
  const flags = reader.u8();
  requireKnownFlags(flags, 7, "put");
  const prev = (flags & putFlag.prev) === 0 ? {} : { prev: readRecord(reader) };
  const value = (flags & putFlag.value) === 0 ? {} : { value: reader.bytes() };
  const lease = (flags & putFlag.lease) === 0 ? {} : { lease: readLeaseId(reader) };
  return { kind: "put", revision, create, version, ...prev, ...value, ...lease };
}

function readFailed(reader: ByteReader, revision: number): Part {
  const flags = reader.u8();
  requireKnownFlags(flags, 3, "conditionFailed");
  const current = (flags & failedFlag.current) === 0 ? {} : { current: readRecord(reader) };
  const omitted = (flags & failedFlag.valueOmitted) === 0 ? {} : { valueOmitted: true as const };
  return { kind: "conditionFailed", revision, ...current, ...omitted };
}

function requireTxnResult(part: Part): TxnResult {
  switch (part.kind) {
    case "put":
    case "delete":
    case "get":
    case "range":
    case "txn":
      return part;
  }
  throw new MalformedBytesError(`${part.kind} in a transaction`);
}

function requireItemResult(part: Part): BatchDone["results"][number] {
  switch (part.kind) {
    case "put":
    case "delete":
    case "get":
    case "conditionFailed":
    case "rejected":
      return part;
  }
  throw new MalformedBytesError(`${part.kind} in a batch`);
}

function writeRecords(writer: ByteWriter, records: readonly KvRecord[]): void {
  writeList(writer, records, (record) => writeRecord(writer, record));
}

function writeLease(writer: ByteWriter, { id, ttlMs }: LeaseGiven): void {
  writer.text(id).varint(ttlMs);
}

function readLease(reader: ByteReader): LeaseGiven {
  return { id: readLeaseId(reader), ttlMs: reader.varint() };
}

function writeOptional<T>(
  writer: ByteWriter,
  value: T | undefined,
  write: (value: T) => void,
): void {
  writeBoolean(writer, value !== undefined);
  if (value !== undefined) write(value);
}

function readOptional<T>(reader: ByteReader, read: () => T): T | undefined {
  return readBoolean(reader) ? read() : undefined;
}
