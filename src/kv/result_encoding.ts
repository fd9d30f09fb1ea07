/**
 * The bytes of results: how the leader answers a follower that handed an operation on, and what an
 * idempotency record keeps. The format is final, and grows like that of commands.
 *
 * ```text
 * result           = version:u8 kind:u8 body
 * none             =
 * put              = revision:varint create:varint version:varint count:varint record …
 * delete           = revision:varint deleted:varint more:u8 count:varint record …
 * nothing          = revision:varint
 * conditionFailed  = revision:varint valueOmitted:u8 count:varint record …
 * rangeTooLarge    = revision:varint keys:varint
 * refused          = revision:varint reason:text
 * ```
 */

import { ByteReader, ByteWriter, MalformedBytesError } from "../lib/bytes.ts";
import { type Decoded, decodeTotally, readRecord, readVersion, writeRecord } from "./encoding.ts";
import type { KvRecord } from "./record.ts";
import type { Result } from "./result.ts";

const resultVersion = 1;
const resultKind = {
  none: 0,
  put: 1,
  delete: 2,
  nothing: 3,
  conditionFailed: 4,
  rangeTooLarge: 5,
  refused: 6,
} as const;

/** The one encoding of a result, the same on every node. */
export function encodeResult(result: Result): Uint8Array {
  const writer = new ByteWriter().u8(resultVersion).u8(resultKind[result.kind]);
  switch (result.kind) {
    case "none":
      break;
    case "put":
      writer.varint(result.revision).varint(result.create).varint(result.version);
      writeRecords(writer, result.prev === undefined ? [] : [result.prev]);
      break;
    case "delete":
      writer.varint(result.revision).varint(result.deleted).u8(result.more ? 1 : 0);
      writeRecords(writer, result.prev);
      break;
    case "nothing":
      writer.varint(result.revision);
      break;
    case "conditionFailed":
      writer.varint(result.revision).u8(result.valueOmitted === true ? 1 : 0);
      writeRecords(writer, result.current === undefined ? [] : [result.current]);
      break;
    case "rangeTooLarge":
      writer.varint(result.revision).varint(result.keys);
      break;
    case "refused":
      writer.varint(result.revision).text(result.reason);
      break;
  }
  return writer.finish();
}

/** Total: any bytes give a result or a reason. Keys and values are views of `bytes`. */
export function decodeResult(bytes: Uint8Array): Decoded<Result> {
  return decodeTotally(() => {
    const reader = new ByteReader(bytes);
    readVersion(reader, resultVersion, "result");
    const result = readResult(reader);
    reader.end();
    return result;
  });
}

function readResult(reader: ByteReader): Result {
  const kind = reader.u8();
  if (kind === resultKind.none) return { kind: "none" };
  const revision = reader.varint();
  switch (kind) {
    case resultKind.put: {
      const create = reader.varint();
      const version = reader.varint();
      const prev = readAtMostOne(reader);
      return { kind: "put", revision, create, version, ...(prev === undefined ? {} : { prev }) };
    }
    case resultKind.delete: {
      const deleted = reader.varint();
      const more = readBoolean(reader);
      return { kind: "delete", revision, deleted, more, prev: readRecords(reader) };
    }
    case resultKind.nothing:
      return { kind: "nothing", revision };
    case resultKind.conditionFailed: {
      const omitted = readBoolean(reader) ? { valueOmitted: true as const } : {};
      const current = readAtMostOne(reader);
      const found = current === undefined ? {} : { current };
      return { kind: "conditionFailed", revision, ...found, ...omitted };
    }
    case resultKind.rangeTooLarge:
      return { kind: "rangeTooLarge", revision, keys: reader.varint() };
    case resultKind.refused:
      return { kind: "refused", revision, reason: reader.text() };
  }
  throw new MalformedBytesError(`result of unknown kind ${kind}`);
}

function writeRecords(writer: ByteWriter, records: readonly KvRecord[]): void {
  writer.varint(records.length);
  for (const record of records) writeRecord(writer, record);
}

function readRecords(reader: ByteReader): readonly KvRecord[] {
  const records: KvRecord[] = [];
  for (let left = reader.varint(); left > 0; left--) records.push(readRecord(reader));
  return records;
}

function readAtMostOne(reader: ByteReader): KvRecord | undefined {
  const records = readRecords(reader);
  if (records.length > 1) {
    throw new MalformedBytesError(`${records.length} records where one belongs`);
  }
  return records[0];
}

function readBoolean(reader: ByteReader): boolean {
  const byte = reader.u8();
  if (byte > 1) throw new MalformedBytesError(`boolean of ${byte}`);
  return byte === 1;
}
