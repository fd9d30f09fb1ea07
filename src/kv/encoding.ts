/** What the encodings of commands and results share: total decoding, and records. */

import { type ByteReader, type ByteWriter, MalformedBytesError } from "../lib/bytes.ts";
import { isLeaseId, type KvRecord, type LeaseId } from "./record.ts";

/** Either what the bytes say, or why they say nothing: the same text on every node. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | {
    readonly ok: false;
    readonly reason: string;
    /** A later version of the program may know what they say. */
    readonly isLater: boolean;
  };

/** Runs `read`; malformed bytes become a reason instead of an error. */
export function decodeTotally<T>(read: () => T): Decoded<T> {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    if (!(error instanceof MalformedBytesError)) throw error;
    return { ok: false, reason: error.message, isLater: error.isLater };
  }
}

/** Throws MalformedBytesError when `flags` holds a bit that this version gives no meaning. */
export function requireKnownFlags(flags: number, known: number, where: string): void {
  const unknown = flags & ~known;
  if (unknown !== 0) {
    const said = `${where} has unknown flags 0x${unknown.toString(16)}`;
    throw new MalformedBytesError(said, "later version");
  }
}

/** Throws MalformedBytesError when the bytes are of another version than the `known` one. */
export function readVersion(reader: ByteReader, known: number, what: string): void {
  const version = reader.u8();
  if (version !== known) {
    const said = `${what} of version ${version}, known is ${known}`;
    throw new MalformedBytesError(said, version > known ? "later version" : "malformed");
  }
}

/** Throws MalformedBytesError for text that is no lease id. */
export function readLeaseId(reader: ByteReader): LeaseId {
  return requireLeaseId(reader.text());
}

/** Gives `text` back; throws MalformedBytesError when it is no lease id. */
export function requireLeaseId(text: string): LeaseId {
  if (!isLeaseId(text)) throw new MalformedBytesError("lease id is no signed 64-bit integer");
  return text;
}

/** How many, then each. */
export function writeList<T>(
  writer: ByteWriter,
  items: readonly T[],
  write: (item: T) => void,
): void {
  writer.varint(items.length);
  for (const item of items) write(item);
}

/** Undoes {@link writeList}. */
export function readList<T>(reader: ByteReader, read: () => T): readonly T[] {
  const items: T[] = [];
  for (let left = reader.varint(); left > 0; left--) items.push(read());
  return items;
}

/** One byte, 0 or 1. */
export function readBoolean(reader: ByteReader): boolean {
  const byte = reader.u8();
  if (byte > 1) throw new MalformedBytesError(`boolean of ${byte}`);
  return byte === 1;
}

/** Undone by {@link readBoolean}. */
export function writeBoolean(writer: ByteWriter, value: boolean): void {
  writer.u8(value ? 1 : 0);
}

const recordFlag = { lease: 1, mediaType: 2 } as const;

/** flags, key, value, create, mod, version, and what the flags announce. */
export function writeRecord(writer: ByteWriter, record: KvRecord): void {
  const flags = (record.lease === undefined ? 0 : recordFlag.lease) |
    (record.mediaType === undefined ? 0 : recordFlag.mediaType);
  writer.u8(flags).bytes(record.key).bytes(record.value);
  writer.varint(record.create).varint(record.mod).varint(record.version);
  if (record.lease !== undefined) writer.text(record.lease);
  if (record.mediaType !== undefined) writer.text(record.mediaType);
}

/** Key and value are views of the reader's bytes. */
export function readRecord(reader: ByteReader): KvRecord {
  const flags = reader.u8();
  requireKnownFlags(flags, recordFlag.lease | recordFlag.mediaType, "record");
  const record = {
    key: reader.bytes(),
    value: reader.bytes(),
    create: reader.varint(),
    mod: reader.varint(),
    version: reader.varint(),
  };
  const lease = (flags & recordFlag.lease) === 0 ? {} : { lease: readLeaseId(reader) };
  const mediaType = (flags & recordFlag.mediaType) === 0 ? {} : { mediaType: reader.text() };
  return { ...record, ...lease, ...mediaType };
}
