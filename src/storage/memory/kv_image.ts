/**
 * An image of the tables in memory, format 1: all rows, one behind the other. This comment is the
 * specification. Integers are varints unless said otherwise (lib/bytes.ts), up to 2^53 − 1.
 *
 *     magic     16 bytes: "skein kv rows 1\n"; the last digit is the format
 *     block …   u32 length, u32 CRC-32C of the payload, payload
 *
 * The payload begins with a byte that says what is in it:
 *
 *     1 head     cluster id as text, then the facts (kv/ports.ts): applied and the position of the
 *                configuration, each index and term; the configuration; the counts in the order of
 *                `readHead`; the hashes, each as two u32. It comes first
 *     2 changes  rows in the order of their numbers
 *     3 ledger   rows in the order of their keys
 *     4 end      how many changes and rows of the ledger there were. It comes last
 *
 *     change     number, revision, time, wall time, creating revision, version, previous, skip,
 *                depth, u32 crc32c, key, value; lease and media type, each a byte that says whether
 *                there is one, then the text
 *     ledger row key, value, u32 crc32c
 *
 * Which keys live and which are dead is not written: the newest change of each says it.
 */

import { ByteReader, ByteWriter, equalBytes, MalformedBytesError, utf8 } from "../../lib/bytes.ts";
import { crc32c } from "../../lib/crc32c.ts";
import {
  type Change,
  changeCrc32c,
  type KvMeta,
  ledgerCrc32c,
  type LedgerRow,
} from "../../kv/ports.ts";
import { decodeConfiguration, encodeConfiguration } from "../../raft/encoding.ts";
import { readPosition, writePosition } from "../snapshot_meta.ts";
import type { ByteList } from "./byte_list.ts";

const magic = utf8("skein kv rows 1\n");
const blockHeadBytes = 8;
/** A block ends with the row that takes it past this: what is written or read at once. */
const blockBytesMax = 64 * 1024;
const kinds = { head: 1, changes: 2, ledger: 3, end: 4 } as const;

/** What an image holds. */
export interface ImageRows {
  readonly clusterId: string;
  readonly meta: KvMeta;
  /** In the order of their numbers. */
  readonly changes: readonly Change[];
  /** In the order of their keys. */
  readonly ledger: readonly LedgerRow[];
}

/** The bytes of an image, block by block. */
export function* encodeImage(rows: ImageRows): Generator<Uint8Array> {
  yield magic;
  yield block(headOf(rows));
  yield* blocksOf(kinds.changes, rows.changes, writeChange);
  yield* blocksOf(kinds.ledger, rows.ledger, writeLedgerRow);
  yield block(
    new ByteWriter().u8(kinds.end).varint(rows.changes.length).varint(rows.ledger.length),
  );
}

/**
 * Reads an image, a block a step. Throws MalformedBytesError, which says what is wrong with it, for
 * bytes that are none.
 */
export function* decodeImage(bytes: ByteList): Generator<undefined, ImageRows> {
  if (!equalBytes(bytes.slice(0, magic.length), magic)) {
    throw new MalformedBytesError("it is not of a store in memory, as this node keeps its own");
  }
  const changes: Change[] = [];
  const ledger: LedgerRow[] = [];
  let head: Pick<ImageRows, "clusterId" | "meta"> | undefined;
  let isOver = false;
  for (let at = magic.length; at < bytes.length;) {
    const payload = payloadAt(bytes, at);
    at += blockHeadBytes + payload.length;
    const reader = new ByteReader(payload);
    const kind = reader.u8();
    // Nothing but the head comes first, and nothing comes behind the end.
    if (isOver || (kind === kinds.head) !== (head === undefined)) throw unexpected(kind);
    if (kind === kinds.head) {
      head = readHead(reader);
    } else if (kind === kinds.changes) {
      while (reader.remaining > 0) changes.push(readChange(reader, changes.at(-1)));
    } else if (kind === kinds.ledger) {
      while (reader.remaining > 0) ledger.push(readLedgerRow(reader));
    } else if (kind === kinds.end) {
      const isAll = reader.varint() === changes.length && reader.varint() === ledger.length;
      if (!isAll) throw new MalformedBytesError("rows are missing from it");
      isOver = true;
    } else {
      throw unexpected(kind);
    }
    yield undefined;
  }
  if (head === undefined || !isOver) throw new MalformedBytesError("its end is missing");
  return { ...head, changes, ledger };
}

function unexpected(kind: number): MalformedBytesError {
  return new MalformedBytesError(`it has a block of kind ${kind} where none can be`);
}

function* blocksOf<T>(
  kind: number,
  rows: readonly T[],
  write: (writer: ByteWriter, row: T) => void,
): Generator<Uint8Array> {
  let writer = new ByteWriter(blockBytesMax).u8(kind);
  for (const row of rows) {
    write(writer, row);
    if (writer.length <= blockBytesMax) continue;
    yield block(writer);
    writer = new ByteWriter(blockBytesMax).u8(kind);
  }
  if (writer.length > 1) yield block(writer);
}

function block(writer: ByteWriter): Uint8Array {
  const payload = writer.finish();
  const head = new ByteWriter(blockHeadBytes + payload.length);
  return head.u32(payload.length).u32(crc32c(payload)).raw(payload).finish();
}

function payloadAt(bytes: ByteList, at: number): Uint8Array {
  const head = new ByteReader(bytes.slice(at, blockHeadBytes));
  const [length, checksum] = [head.u32(), head.u32()];
  const payload = bytes.slice(at + blockHeadBytes, length);
  if (payload.length === length && crc32c(payload) === checksum) return payload;
  throw new MalformedBytesError(`the block at byte ${at} is damaged`);
}

function headOf({ clusterId, meta }: ImageRows): ByteWriter {
  const writer = new ByteWriter().u8(kinds.head).text(clusterId);
  writePosition(writer, meta.applied);
  writePosition(writer, meta.configuration.position);
  writer.bytes(encodeConfiguration(meta.configuration.configuration));
  writer.varint(meta.clusterTimeMs).varint(meta.revision).varint(meta.oldest);
  writer.varint(meta.changes).varint(meta.purgedThrough).varint(meta.liveKeys);
  writer.varint(meta.deadKeys).varint(meta.leases).varint(meta.leasesNumbered);
  writer.varint(meta.remembered).varint(meta.rememberedBytes);
  for (const { a, b } of [meta.stateHash, meta.purgedHash, meta.ledgerHash]) writer.u32(a).u32(b);
  return writer;
}

function readHead(reader: ByteReader): Pick<ImageRows, "clusterId" | "meta"> {
  const clusterId = reader.text();
  // The members are read in the order in which they stand here.
  const meta = {
    applied: readPosition(reader),
    configuration: {
      position: readPosition(reader),
      configuration: decodeConfiguration(reader.bytes()),
    },
    clusterTimeMs: reader.varint(),
    revision: reader.varint(),
    oldest: reader.varint(),
    changes: reader.varint(),
    purgedThrough: reader.varint(),
    liveKeys: reader.varint(),
    deadKeys: reader.varint(),
    leases: reader.varint(),
    leasesNumbered: reader.varint(),
    remembered: reader.varint(),
    rememberedBytes: reader.varint(),
    stateHash: { a: reader.u32(), b: reader.u32() },
    purgedHash: { a: reader.u32(), b: reader.u32() },
    ledgerHash: { a: reader.u32(), b: reader.u32() },
  };
  reader.end();
  return { clusterId, meta };
}

function writeChange(writer: ByteWriter, change: Change): void {
  writer.varint(change.number).varint(change.revision).varint(change.timeMs);
  writer.varint(change.wallMs).varint(change.create).varint(change.version);
  writer.varint(change.previous).varint(change.skip).varint(change.depth).u32(change.crc32c);
  writer.bytes(change.key).bytes(change.value);
  for (const text of [change.lease, change.mediaType]) {
    writer.u8(text === undefined ? 0 : 1);
    if (text !== undefined) writer.text(text);
  }
}

/** Copies what it keeps: the block goes. */
function readChange(reader: ByteReader, before: Change | undefined): Change {
  const counts = {
    number: reader.varint(),
    revision: reader.varint(),
    timeMs: reader.varint(),
    wallMs: reader.varint(),
    create: reader.varint(),
    version: reader.varint(),
    previous: reader.varint(),
    skip: reader.varint(),
    depth: reader.varint(),
    crc32c: reader.u32(),
  };
  const key = reader.bytes().slice();
  const value = reader.bytes().slice();
  const lease = reader.u8() === 0 ? undefined : reader.text();
  const mediaType = reader.u8() === 0 ? undefined : reader.text();
  const change = { ...counts, key, value, lease, mediaType, valueBytes: value.length };
  if (changeCrc32c(change) !== change.crc32c || change.number <= (before?.number ?? 0)) {
    throw new MalformedBytesError(`change ${change.number} in it is damaged`);
  }
  return change;
}

function writeLedgerRow(writer: ByteWriter, row: LedgerRow): void {
  writer.bytes(row.key).bytes(row.value).u32(row.crc32c);
}

function readLedgerRow(reader: ByteReader): LedgerRow {
  const row = { key: reader.bytes().slice(), value: reader.bytes().slice(), crc32c: reader.u32() };
  if (ledgerCrc32c(row.key, row.value) === row.crc32c) return row;
  throw new MalformedBytesError("a row of the ledger in it is damaged");
}
