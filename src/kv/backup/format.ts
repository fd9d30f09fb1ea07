/**
 * The file of a backup, format 1: what the store holds and nothing of the cluster that holds it (no
 * identity, no configuration, no log), so that any cluster can take it over, whatever keeps its
 * tables. This comment is the specification; a committed fixture guards it.
 *
 * ```text
 * file     = magic block … end                  nothing behind the end
 * magic    = "skeinbak"                         eight bytes
 * block    = kind:u8 length:u32 payload crc32c:u32
 *            the CRC-32C covers everything of the block before it; numbers are little-endian
 * header   = kind 1, the first block: a JSON object (BackupHeader)
 * records  = kind 2, leases; then kind 3, changes; then kind 4, answers: count:varint record …
 *            at most 256 records, and no other record behind the one that takes it past 64 KiB
 * end      = kind 5: leases:varint changes:varint answers:varint sha256:32
 *            how many records of each kind there are, and SHA-256 over all bytes before this block
 *
 * lease    = id:text ttlMs:varint remainingMs:varint private:u8
 *            ascending by id as a number
 * change   = flags:u8 revision:varint timeMs:varint wallMs:varint key:bytes
 *            [create:varint version:varint value:bytes [lease:text] [mediaType:text]]
 *            in the order in which they were made; flags: 1 lease, 2 media type, 4 newest of its
 *            key, 8 deletion, which has nothing in brackets
 * answer   = 0:u8 scope:bytes remainingMs:varint requestHash:bytes result:bytes
 * stream   = 1:u8 scope:bytes idleMs:varint newest:varint
 * numbered = 2:u8 scope:bytes remainingMs:varint requestHash:bytes result:bytes seq:varint
 *            answers ascending by scope, then streams ascending by scope, each followed by its
 *            numbered answers; what is forgotten by now is left out
 * ```
 *
 * The changes are those that the oldest readable revision shows, which are no deletions, and all
 * behind it: what compaction would leave if it were done. `key` is as key_space.ts lets it stand in
 * the tables, `scope` and what stands in answers as idempotency.ts and result_encoding.ts say.
 * Times are cluster time; what remains, and for how long a stream was idle, is counted from the
 * header's `cluster_time_ms`. Counts that a store goes on from (`revision`, `version`,
 * `leases_numbered`, `cluster_time_ms`) are at most 2^52, times of the wall clock (`wallMs`,
 * `created_ms`) at most 8,640,000,000,000,000: no date is later.
 */

import { ByteReader, ByteWriter, concatBytes, MalformedBytesError, utf8 } from "../../lib/bytes.ts";
import { crc32c } from "../../lib/crc32c.ts";
import type { ChangeTimes } from "../change.ts";
import { readBoolean, readLeaseId, requireKnownFlags, writeList } from "../encoding.ts";
import type { LeaseId, Revision } from "../record.ts";

/** What a backup begins with. */
export const backupMagic: Uint8Array = utf8("skeinbak");
/** The one format that there is. */
export const backupFormat = 1;

/** A store goes on counting from what it has restored: there has to be room above it. */
export const backupCountMax: number = 2 ** 52;
/**
 * What a person may ask for as the revision to go on from: so far below, that the backups of the
 * store can be restored as well, however much is written to it.
 */
export const restoreAboveMax: number = 2 ** 51;
/** The last moment that a date can be, ms of the wall clock. */
export const wallMsMax = 8.64e15;

/** A block ends with the record that takes it past this. */
export const blockBytesTarget = 64 * 1024;
/** Records of one block. */
export const blockRecordsMax = 256;
/** A longer payload is none: one record of the longest key and value, and what comes before it. */
export const blockPayloadBytesMax = 9 * 1024 * 1024;
/** Kind and length before the payload, CRC-32C behind it. */
export const blockHeadBytes = 5;
export const blockTailBytes = 4;

/** A lease, without its keys: they name it. */
export interface BackupLease {
  readonly kind: "lease";
  readonly id: LeaseId;
  readonly ttlMs: number;
  /** 0 where it is over and has not been ended yet. */
  readonly remainingMs: number;
  readonly isPrivate: boolean;
}

/** A version of a key, or its deletion. */
export interface BackupChange extends ChangeTimes {
  readonly kind: "change";
  readonly revision: Revision;
  readonly key: Uint8Array;
  /** No other change of the key comes behind it. */
  readonly isNewest: boolean;
  /** Undefined in a deletion. */
  readonly written: {
    readonly create: Revision;
    readonly version: number;
    readonly value: Uint8Array;
    readonly lease: LeaseId | undefined;
    readonly mediaType: string | undefined;
  } | undefined;
}

/** What is remembered for requests that may come again. */
export type BackupAnswer =
  | Answered & { readonly kind: "answer" }
  | { readonly kind: "stream"; readonly scope: Uint8Array } & StreamUse
  | Answered & { readonly kind: "numbered"; readonly seq: number };

interface Answered {
  readonly scope: Uint8Array;
  readonly remainingMs: number;
  readonly requestHash: Uint8Array;
  /** An encoded result. */
  readonly result: Uint8Array;
}

interface StreamUse {
  readonly idleMs: number;
  readonly newest: number;
}

export type BackupRecord = BackupLease | BackupChange | BackupAnswer;

/** Which records a block holds. */
export type BackupSection = "leases" | "changes" | "answers";
/** In the order of the file. */
export const backupSections: readonly BackupSection[] = ["leases", "changes", "answers"];

/** How many records of each kind there are. */
export type BackupCounts = Readonly<Record<BackupSection, number>>;

/** A block, decoded but for the header's JSON. */
export type BackupBlock =
  | { readonly kind: "header"; readonly json: Uint8Array }
  | { readonly kind: BackupSection; readonly records: readonly BackupRecord[] }
  | { readonly kind: "end"; readonly counts: BackupCounts; readonly sha256: Uint8Array };

const blockKind = { header: 1, leases: 2, changes: 3, answers: 4, end: 5 } as const;
const changeFlag = { lease: 1, mediaType: 2, newest: 4, deletion: 8 } as const;
const answerKind = { answer: 0, stream: 1, numbered: 2 } as const;
const sha256Bytes = 32;

/** The bytes of a block. */
export function encodeBlock(block: BackupBlock): Uint8Array {
  const payload = payloadOf(block);
  const head = new ByteWriter(8).u8(blockKind[block.kind]).u32(payload.length).finish();
  const tail = new ByteWriter(4).u32(crc32c(payload, crc32c(head))).finish();
  return concatBytes([head, payload, tail]);
}

/** Throws MalformedBytesError where `bytes` are not exactly one whole block. */
export function decodeBlock(bytes: Uint8Array): BackupBlock {
  const reader = new ByteReader(bytes);
  const kind = reader.u8();
  const payload = reader.raw(reader.u32());
  const crc = reader.u32();
  reader.end();
  if (crc32c(bytes.subarray(0, bytes.length - blockTailBytes)) !== crc) {
    throw new MalformedBytesError("a block has a wrong checksum");
  }
  return blockOf(kind, payload);
}

/** The length of the whole block that begins with `head`; undefined where that is none. */
export function blockLength(head: Uint8Array): number | undefined {
  const reader = new ByteReader(head);
  const kind = reader.u8();
  const length = reader.u32();
  const isKnown = Object.values(blockKind).some((known) => known === kind);
  if (!isKnown || length > blockPayloadBytesMax) return undefined;
  return blockHeadBytes + length + blockTailBytes;
}

/** Whether the block that begins with `head` holds records. */
export function isRecordsBlock(head: Uint8Array): boolean {
  return backupSections.some((section) => blockKind[section] === head[0]);
}

function payloadOf(block: BackupBlock): Uint8Array {
  switch (block.kind) {
    case "header":
      return block.json;
    case "leases":
    case "changes":
    case "answers": {
      const writer = new ByteWriter(blockBytesTarget);
      writeList(writer, block.records, (record) => writeRecord(writer, record));
      return writer.finish();
    }
    case "end": {
      const writer = new ByteWriter(64);
      for (const section of backupSections) writer.varint(block.counts[section]);
      return writer.raw(block.sha256).finish();
    }
  }
}

function blockOf(kind: number, payload: Uint8Array): BackupBlock {
  const reader = new ByteReader(payload);
  switch (kind) {
    case blockKind.header:
      return { kind: "header", json: payload };
    case blockKind.leases:
      return { kind: "leases", records: readRecords(reader, readLease) };
    case blockKind.changes:
      return { kind: "changes", records: readRecords(reader, readChange) };
    case blockKind.answers:
      return { kind: "answers", records: readRecords(reader, readAnswer) };
    case blockKind.end: {
      const counts = {
        leases: reader.varint(),
        changes: reader.varint(),
        answers: reader.varint(),
      };
      const sha256 = reader.raw(sha256Bytes);
      reader.end();
      return { kind: "end", counts, sha256 };
    }
  }
  throw new MalformedBytesError(`a block of unknown kind ${kind}`);
}

function readRecords<T>(reader: ByteReader, read: (reader: ByteReader) => T): readonly T[] {
  const count = reader.varint();
  // Before they are read: nine mebibytes hold very many small ones.
  if (count === 0 || count > blockRecordsMax) {
    throw new MalformedBytesError(`a block of ${count} records`);
  }
  const records: T[] = [];
  while (records.length < count) records.push(read(reader));
  reader.end();
  return records;
}

function writeRecord(writer: ByteWriter, record: BackupRecord): void {
  switch (record.kind) {
    case "lease":
      writer.text(record.id).varint(record.ttlMs).varint(record.remainingMs);
      writer.u8(record.isPrivate ? 1 : 0);
      return;
    case "change":
      return writeChange(writer, record);
    case "stream":
      writer.u8(answerKind.stream).bytes(record.scope);
      writer.varint(record.idleMs).varint(record.newest);
      return;
    case "answer":
    case "numbered":
      writer.u8(answerKind[record.kind]).bytes(record.scope).varint(record.remainingMs);
      writer.bytes(record.requestHash).bytes(record.result);
      if (record.kind === "numbered") writer.varint(record.seq);
  }
}

function readLease(reader: ByteReader): BackupLease {
  return {
    kind: "lease",
    id: readLeaseId(reader),
    ttlMs: reader.varint(),
    remainingMs: reader.varint(),
    isPrivate: readBoolean(reader),
  };
}

function writeChange(writer: ByteWriter, change: BackupChange): void {
  const { written, isNewest, revision, timeMs, wallMs, key } = change;
  const flags = (written === undefined ? changeFlag.deletion : 0) |
    (isNewest ? changeFlag.newest : 0) |
    (written?.lease === undefined ? 0 : changeFlag.lease) |
    (written?.mediaType === undefined ? 0 : changeFlag.mediaType);
  writer.u8(flags).varint(revision).varint(timeMs).varint(wallMs).bytes(key);
  if (written === undefined) return;
  writer.varint(written.create).varint(written.version).bytes(written.value);
  if (written.lease !== undefined) writer.text(written.lease);
  if (written.mediaType !== undefined) writer.text(written.mediaType);
}

function readChange(reader: ByteReader): BackupChange {
  const flags = reader.u8();
  requireKnownFlags(flags, 15, "change");
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const change = {
    kind: "change",
    revision: reader.varint(),
    timeMs: reader.varint(),
    wallMs: reader.varint(),
    key: reader.bytes(),
    isNewest: has(changeFlag.newest),
  } as const;
  if (has(changeFlag.deletion)) {
    requireKnownFlags(flags, changeFlag.deletion | changeFlag.newest, "deletion");
    return { ...change, written: undefined };
  }
  const written = {
    create: reader.varint(),
    version: reader.varint(),
    value: reader.bytes(),
    lease: has(changeFlag.lease) ? readLeaseId(reader) : undefined,
    mediaType: has(changeFlag.mediaType) ? reader.text() : undefined,
  };
  return { ...change, written };
}

function readAnswer(reader: ByteReader): BackupAnswer {
  const kind = reader.u8();
  const scope = reader.bytes();
  if (kind === answerKind.stream) {
    return { kind: "stream", scope, idleMs: reader.varint(), newest: reader.varint() };
  }
  const answered = {
    scope,
    remainingMs: reader.varint(),
    requestHash: reader.bytes(),
    result: reader.bytes(),
  };
  if (kind === answerKind.answer) return { kind: "answer", ...answered };
  if (kind === answerKind.numbered) return { kind: "numbered", ...answered, seq: reader.varint() };
  throw new MalformedBytesError(`an answer of unknown kind ${kind}`);
}
