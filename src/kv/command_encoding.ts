/**
 * The bytes of commands and operations, as they stand in the log and travel from a follower to the
 * leader. The format is final: later operations get kinds of their own, later fields get flags of
 * their own, and a reader that does not know one says so instead of passing over it.
 *
 * ```text
 * command     = version:u8 flags:u8 wallMs:varint [identity:text key:text requestHash:bytes]
 *               operation
 * operation   = version:u8 kind:u8 body
 * put         = flags:u8 key:bytes value:bytes [mediaType:text] [lease:text] [ttlMs:varint]
 *               conditions
 * delete      = flags:u8 (key:bytes | start:bytes [end:bytes]) [limit:varint] conditions
 * nothing     =
 * conditions  = forms:u8 [ifMatch:tags] [ifNoneMatch:tags] [ifValue:bytes]
 * tags        = count:varint revision:varint …
 * ```
 *
 * `text` and `bytes` carry their length as a varint; `forms` holds two bits each for ifMatch,
 * ifNoneMatch and ifValue: 0 absent, 1 `any` (ifValue: `absent`), 2 a list (ifValue: bytes).
 */

import { ByteReader, ByteWriter, MalformedBytesError } from "../lib/bytes.ts";
import type { Command, Conditions, Delete, Idempotency, Operation, Put } from "./command.ts";
import {
  type Decoded,
  decodeTotally,
  readLeaseId,
  readVersion,
  requireKnownFlags,
} from "./encoding.ts";
import type { Revision } from "./record.ts";

const commandVersion = 1;
const operationVersion = 1;

const commandFlag = { idempotency: 1 } as const;
const operationKind = { nothing: 0, put: 1, delete: 2 } as const;
const putFlag = { mediaType: 1, lease: 2, ttlMs: 4, prev: 8 } as const;
const deleteFlag = { range: 1, end: 2, limit: 4, prev: 8 } as const;
const form = { absent: 0, word: 1, content: 2 } as const;

/** What the leader proposes. `wallMs` is its own wall clock, an integer. */
export function encodeCommand(command: Command): Uint8Array {
  const { idempotency, operation } = command;
  const writer = new ByteWriter(64 + sizeHint(operation)).u8(commandVersion);
  writer.u8(idempotency === undefined ? 0 : commandFlag.idempotency).varint(command.wallMs);
  if (idempotency !== undefined) {
    writer.text(idempotency.identity).text(idempotency.key).bytes(idempotency.requestHash);
  }
  writeOperation(writer, operation);
  return writer.finish();
}

/** Total: any bytes give a command or a reason. Keys and values are views of `bytes`. */
export function decodeCommand(bytes: Uint8Array): Decoded<Command> {
  return decodeTotally(() => {
    const reader = new ByteReader(bytes);
    readVersion(reader, commandVersion, "command");
    const flags = reader.u8();
    requireKnownFlags(flags, commandFlag.idempotency, "command");
    const wallMs = reader.varint();
    const idempotency = (flags & commandFlag.idempotency) === 0
      ? {}
      : { idempotency: readIdempotency(reader) };
    const operation = readOperation(reader);
    reader.end();
    return { wallMs, ...idempotency, operation };
  });
}

/** What a follower hands on: the operation without the command around it. */
export function encodeOperation(operation: Operation): Uint8Array {
  const writer = new ByteWriter(64 + sizeHint(operation));
  writeOperation(writer, operation);
  return writer.finish();
}

/** Total, like {@link decodeCommand}. */
export function decodeOperation(bytes: Uint8Array): Decoded<Operation> {
  return decodeTotally(() => {
    const reader = new ByteReader(bytes);
    const operation = readOperation(reader);
    reader.end();
    return operation;
  });
}

/** Bytes that the big fields take, so that the writer need not grow. */
function sizeHint(operation: Operation): number {
  return operation.kind === "put" ? operation.key.length + operation.value.length : 0;
}

function readIdempotency(reader: ByteReader): Idempotency {
  return { identity: reader.text(), key: reader.text(), requestHash: reader.bytes() };
}

function writeOperation(writer: ByteWriter, operation: Operation): void {
  writer.u8(operationVersion).u8(operationKind[operation.kind]);
  switch (operation.kind) {
    case "nothing":
      return;
    case "put":
      return writePut(writer, operation);
    case "delete":
      return writeDelete(writer, operation);
  }
}

function readOperation(reader: ByteReader): Operation {
  readVersion(reader, operationVersion, "operation");
  const kind = reader.u8();
  switch (kind) {
    case operationKind.nothing:
      return { kind: "nothing" };
    case operationKind.put:
      return readPut(reader);
    case operationKind.delete:
      return readDelete(reader);
  }
  throw new MalformedBytesError(`operation of unknown kind ${kind}`);
}

function writePut(writer: ByteWriter, put: Put): void {
  const flags = (put.mediaType === undefined ? 0 : putFlag.mediaType) |
    (put.lease === undefined ? 0 : putFlag.lease) |
    (put.ttlMs === undefined ? 0 : putFlag.ttlMs) |
    (put.prev ? putFlag.prev : 0);
  writer.u8(flags).bytes(put.key).bytes(put.value);
  if (put.mediaType !== undefined) writer.text(put.mediaType);
  if (put.lease !== undefined) writer.text(put.lease);
  if (put.ttlMs !== undefined) writer.varint(put.ttlMs);
  writeConditions(writer, put.conditions);
}

function readPut(reader: ByteReader): Put {
  const flags = reader.u8();
  requireKnownFlags(flags, 15, "put");
  const key = reader.bytes();
  const value = reader.bytes();
  const mediaType = (flags & putFlag.mediaType) === 0 ? {} : { mediaType: reader.text() };
  const lease = (flags & putFlag.lease) === 0 ? {} : { lease: readLeaseId(reader) };
  const ttlMs = (flags & putFlag.ttlMs) === 0 ? {} : { ttlMs: reader.varint() };
  const prev = (flags & putFlag.prev) !== 0;
  const conditions = readConditions(reader);
  return { kind: "put", key, value, ...mediaType, ...lease, ...ttlMs, prev, conditions };
}

function writeDelete(writer: ByteWriter, deletion: Delete): void {
  const { target, limit } = deletion;
  const end = target.kind === "range" ? target.end : undefined;
  const flags = (target.kind === "range" ? deleteFlag.range : 0) |
    (end === undefined ? 0 : deleteFlag.end) |
    (limit === undefined ? 0 : deleteFlag.limit) |
    (deletion.prev ? deleteFlag.prev : 0);
  writer.u8(flags).bytes(target.kind === "key" ? target.key : target.start);
  if (end !== undefined) writer.bytes(end);
  if (limit !== undefined) writer.varint(limit);
  writeConditions(writer, deletion.conditions);
}

function readDelete(reader: ByteReader): Delete {
  const flags = reader.u8();
  requireKnownFlags(flags, 15, "delete");
  const range = (flags & deleteFlag.range) !== 0;
  if (!range && (flags & deleteFlag.end) !== 0) {
    throw new MalformedBytesError("delete of one key with the end of a range");
  }
  const first = reader.bytes();
  const end = (flags & deleteFlag.end) === 0 ? {} : { end: reader.bytes() };
  const target = range
    ? { kind: "range" as const, start: first, ...end }
    : { kind: "key" as const, key: first };
  const limit = (flags & deleteFlag.limit) === 0 ? {} : { limit: reader.varint() };
  const prev = (flags & deleteFlag.prev) !== 0;
  const conditions = readConditions(reader);
  return { kind: "delete", target, ...limit, prev, conditions };
}

function writeConditions(writer: ByteWriter, conditions: Conditions): void {
  const { ifMatch, ifNoneMatch, ifValue } = conditions;
  const forms = formOf(ifMatch) | (formOf(ifNoneMatch) << 2) | (formOf(ifValue) << 4);
  writer.u8(forms);
  if (typeof ifMatch === "object") writeTags(writer, ifMatch);
  if (typeof ifNoneMatch === "object") writeTags(writer, ifNoneMatch);
  if (typeof ifValue === "object") writer.bytes(ifValue.equals);
}

function formOf(condition: string | object | undefined): number {
  if (condition === undefined) return form.absent;
  return typeof condition === "string" ? form.word : form.content;
}

function writeTags(writer: ByteWriter, tags: readonly Revision[]): void {
  writer.varint(tags.length);
  for (const tag of tags) writer.varint(tag);
}

function readConditions(reader: ByteReader): Conditions {
  const forms = reader.u8();
  requireKnownFlags(forms, 63, "conditions");
  const ifMatch = readForm(forms & 3, "any" as const, () => readTags(reader));
  const ifNoneMatch = readForm((forms >> 2) & 3, "any" as const, () => readTags(reader));
  const ifValue = readForm(forms >> 4, "absent" as const, () => ({ equals: reader.bytes() }));
  return {
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
    ...(ifValue === undefined ? {} : { ifValue }),
  };
}

function readForm<W, C>(number: number, word: W, content: () => C): W | C | undefined {
  switch (number) {
    case form.absent:
      return undefined;
    case form.word:
      return word;
    case form.content:
      return content();
  }
  throw new MalformedBytesError(`condition of unknown form ${number}`);
}

function readTags(reader: ByteReader): readonly Revision[] {
  const tags: Revision[] = [];
  for (let left = reader.varint(); left > 0; left--) tags.push(reader.varint());
  return tags;
}
