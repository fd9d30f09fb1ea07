/**
 * The format of the file engine, version 1. This comment is the specification; a committed fixture
 * guards it.
 *
 * A log is the directory `raft/` with numbered segments and one file `meta`:
 *
 *     raft/00000001.seg   segments, numbered without a gap, appended to at the end of the last one
 *     raft/meta           which segment is the first, and the boundary; replaced as a whole
 *
 * Why so: an append and one fdatasync is the least that a durable write can cost, and whole
 * segments are given back by deleting files, without ever writing into the past.
 *
 * Everything is made of frames. A frame starts at a multiple of 8 and is filled up to one with
 * zeros; integers are little-endian:
 *
 *     0  4  the letters "skfr"
 *     4  4  length of the payload
 *     8  4  CRC-32C of the payload, continued from the salt
 *    12  4  CRC-32C of bytes 0 … 11, continued from the salt
 *    16     payload
 *
 * The salt is drawn for each segment and stands in its first frame, whose own salt is 0; that of
 * `meta` is 0, too. It keeps a value that happens to look like a frame from being taken for one
 * when damage makes the reader search.
 *
 * Payloads (varints and bytes as in lib/bytes.ts):
 *
 *     first frame of a segment   varint version 1, u32 salt, varint number of the segment, varint
 *                                last index, varint batch number, hard state: all before it
 *     other frames, a LogWrite   varint batch number, hard state after it, u8 flags, [1: boundary
 *                                of the snapshot], [2: varint truncateFrom], varint count, [count
 *                                > 0: varint first index, the entries], [4: boundary compacted to]
 *     meta                       varint version 1, varint first segment, boundary
 *     entry                      varint term, u8 kind, varint timeMs, u32 crc32c, bytes data
 *
 * Hard state and boundary are those of storage/log_encoding.ts. Flag 8 marks a copy: its
 * batch number is that of the write before it instead of the next.
 */

import { ByteReader, ByteWriter } from "../../lib/bytes.ts";
import { crc32c } from "../../lib/crc32c.ts";
import { entryKindNumber, entryKindOf, isIntact } from "../../raft/encoding.ts";
import type { LogWrite } from "../../raft/ready.ts";
import type { BatchNumber, Boundary, Entry, HardState, Index } from "../../raft/types.ts";
import { readBoundary, readHardState, writeBoundary, writeHardState } from "../log_encoding.ts";

export const formatVersion = 1;
export const frameHeadBytes = 16;
const alignment = 8;
const magic = 0x7266_6b73;

/** What stood before a segment: the end of the log, the last write, the hard state. */
export interface SegmentHead {
  readonly salt: number;
  readonly number: number;
  readonly lastIndex: Index;
  readonly batchNumber: BatchNumber;
  readonly hardState: HardState;
}

/** The contents of `meta`. */
export interface MetaRecord {
  readonly firstSegment: number;
  readonly boundary: Boundary;
}

/** A LogWrite as it stands in a segment. */
export interface WriteRecord {
  readonly number: BatchNumber;
  readonly hardState: HardState;
  readonly snapshot?: Boundary;
  readonly truncateFrom?: Index;
  readonly entries: readonly Entry[];
  readonly compactTo?: Boundary;
  readonly isCopy: boolean;
}

/** Where an entry stands: bytes of its segment. */
export interface EntrySpan {
  readonly offset: number;
  readonly length: number;
}

/** A version that this program does not know, behind a checksum that is right. */
export class UnknownFormatError extends Error {
  override readonly name = "UnknownFormatError";
}

/** A payload as a frame. */
export function frameOf(payload: Uint8Array, salt: number): Uint8Array {
  const length = frameHeadBytes + payload.length;
  const frame = new Uint8Array(Math.ceil(length / alignment) * alignment);
  const words = new DataView(frame.buffer);
  words.setUint32(0, magic, true);
  words.setUint32(4, payload.length, true);
  words.setUint32(8, crc32c(payload, salt), true);
  words.setUint32(12, crc32c(frame.subarray(0, 12), salt), true);
  frame.set(payload, frameHeadBytes);
  return frame;
}

/** A frame that is whole: its checksums are right. */
export interface FoundFrame {
  readonly payload: Uint8Array;
  /** Behind the frame. */
  readonly end: number;
}

/** The frame at `at`; undefined when there is none, or not a whole one. */
export function frameAt(bytes: Uint8Array, at: number, salt: number): FoundFrame | undefined {
  if (at + frameHeadBytes > bytes.length) return undefined;
  const words = new DataView(bytes.buffer, bytes.byteOffset + at, frameHeadBytes);
  if (words.getUint32(0, true) !== magic) return undefined;
  if (words.getUint32(12, true) !== crc32c(bytes.subarray(at, at + 12), salt)) return undefined;
  const payloadEnd = at + frameHeadBytes + words.getUint32(4, true);
  const end = Math.ceil(payloadEnd / alignment) * alignment;
  if (end > bytes.length) return undefined;
  const payload = bytes.subarray(at + frameHeadBytes, payloadEnd);
  return crc32c(payload, salt) === words.getUint32(8, true) ? { payload, end } : undefined;
}

/** The next frame behind `at`: where reading can go on after damage. */
export function nextFrame(bytes: Uint8Array, at: number, salt: number): number | undefined {
  const from = Math.floor(at / alignment + 1) * alignment;
  for (let next = from; next + frameHeadBytes <= bytes.length; next += alignment) {
    if (frameAt(bytes, next, salt) !== undefined) return next;
  }
  return undefined;
}

/** The first frame of a segment. */
export function encodeSegmentHead(head: SegmentHead): Uint8Array {
  const writer = new ByteWriter(64).varint(formatVersion).u32(head.salt).varint(head.number);
  writer.varint(head.lastIndex).varint(head.batchNumber);
  writeHardState(writer, head.hardState);
  return frameOf(writer.finish(), 0);
}

/** Throws {@link UnknownFormatError} for a segment of a newer program. */
export function decodeSegmentHead(payload: Uint8Array): SegmentHead {
  const reader = versioned(payload);
  const salt = reader.u32();
  const number = reader.varint();
  const lastIndex = reader.varint();
  const batchNumber = reader.varint();
  const hardState = readHardState(reader);
  reader.end();
  return { salt, number, lastIndex, batchNumber, hardState };
}

/** The one frame of `meta`. */
export function encodeMeta({ firstSegment, boundary }: MetaRecord): Uint8Array {
  const writer = new ByteWriter().varint(formatVersion).varint(firstSegment);
  writeBoundary(writer, boundary);
  return frameOf(writer.finish(), 0);
}

/** Throws {@link UnknownFormatError} for the `meta` of a newer program. */
export function decodeMeta(payload: Uint8Array): MetaRecord {
  const reader = versioned(payload);
  const firstSegment = reader.varint();
  const boundary = readBoundary(reader);
  reader.end();
  return { firstSegment, boundary };
}

const flags = { snapshot: 1, truncate: 2, compact: 4, copy: 8 } as const;

/** A write ready to be appended. */
export interface EncodedWrite {
  readonly frame: Uint8Array;
  /** Of each entry, within the frame. */
  readonly spans: readonly EntrySpan[];
}

/** A write as a frame; `hardState` is the one after it, whether the write changes it or not. */
export function encodeWrite(
  write: Omit<LogWrite, "hardState">,
  options: { readonly hardState: HardState; readonly salt: number; readonly isCopy: boolean },
): EncodedWrite {
  const { snapshot, truncateFrom, entries, compactTo } = write;
  let capacity = 128;
  for (const entry of entries) capacity += entry.data.length + 32;
  const writer = new ByteWriter(capacity).varint(write.number);
  writeHardState(writer, options.hardState);
  writer.u8(
    (snapshot ? flags.snapshot : 0) | (truncateFrom === undefined ? 0 : flags.truncate) |
      (compactTo ? flags.compact : 0) | (options.isCopy ? flags.copy : 0),
  );
  if (snapshot !== undefined) writeBoundary(writer, snapshot);
  if (truncateFrom !== undefined) writer.varint(truncateFrom);
  writer.varint(entries.length);
  const first = entries[0];
  if (first !== undefined) writer.varint(first.index);
  const spans = entries.map((entry) => {
    const start = writer.length;
    writer.varint(entry.term).u8(entryKindNumber(entry.kind)).varint(entry.timeMs);
    writer.u32(entry.crc32c).bytes(entry.data);
    return { offset: frameHeadBytes + start, length: writer.length - start };
  });
  if (compactTo !== undefined) writeBoundary(writer, compactTo);
  return { frame: frameOf(writer.finish(), options.salt), spans };
}

/** The record, and where each entry stands in `payload`. */
export function decodeWrite(
  payload: Uint8Array,
): { readonly record: WriteRecord; readonly spans: readonly EntrySpan[] } {
  const reader = new ByteReader(payload);
  const number = reader.varint();
  const hardState = readHardState(reader);
  const bits = reader.u8();
  if (bits > 15) throw new UnknownFormatError(`a write has the flags ${bits}`);
  const snapshot = bits & flags.snapshot ? { snapshot: readBoundary(reader) } : undefined;
  const truncation = bits & flags.truncate ? { truncateFrom: reader.varint() } : undefined;
  const count = reader.varint();
  const firstIndex = count === 0 ? 0 : reader.varint();
  const entries: Entry[] = [];
  const spans: EntrySpan[] = [];
  for (let i = 0; i < count; i++) {
    const offset = payload.length - reader.remaining;
    entries.push(readEntry(reader, firstIndex + i));
    spans.push({ offset, length: payload.length - reader.remaining - offset });
  }
  const compaction = bits & flags.compact ? { compactTo: readBoundary(reader) } : undefined;
  reader.end();
  const isCopy = (bits & flags.copy) !== 0;
  const record = { number, hardState, ...snapshot, ...truncation, entries, ...compaction, isCopy };
  return { record, spans };
}

/** The entry that stands in `bytes`, its data a view of them; undefined when it is damaged. */
export function decodeEntry(bytes: Uint8Array, index: Index): Entry | undefined {
  try {
    const entry = readEntry(new ByteReader(bytes), index);
    return isIntact(entry) ? entry : undefined;
  } catch {
    return undefined;
  }
}

function readEntry(reader: ByteReader, index: Index): Entry {
  const term = reader.varint();
  const kindNumber = reader.u8();
  const kind = entryKindOf(kindNumber);
  if (kind === undefined) throw new UnknownFormatError(`entry ${index} has kind ${kindNumber}`);
  const timeMs = reader.varint();
  const crc = reader.u32();
  return { index, term, kind, timeMs, data: reader.bytes(), crc32c: crc };
}

function versioned(payload: Uint8Array): ByteReader {
  const reader = new ByteReader(payload);
  const version = reader.varint();
  if (version !== formatVersion) {
    throw new UnknownFormatError(`it has format ${version}, this program knows ${formatVersion}`);
  }
  return reader;
}
