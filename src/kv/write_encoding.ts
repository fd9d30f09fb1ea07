/**
 * The bytes of writes of single keys and ranges, and of their conditions: parts of the format that
 * command_encoding.ts specifies.
 */

import { type ByteReader, type ByteWriter, MalformedBytesError } from "../lib/bytes.ts";
import {
  type Conditions,
  type Delete,
  type KeyTarget,
  type Merge,
  type Put,
  unconditional,
  type Update,
  type ValueChange,
} from "./command.ts";
import { readLeaseId, requireKnownFlags } from "./encoding.ts";
import type { Revision } from "./record.ts";

const putFlag = { mediaType: 1, lease: 2, ttlMs: 4, prev: 8 } as const;
const deleteFlag = { range: 1, end: 2, limit: 4, prev: 8 } as const;
const valueFlag = { prev: 1, returnValue: 2 } as const;
const targetForm = { key: 0, range: 1, openRange: 2 } as const;
const form = { absent: 0, word: 1, content: 2 } as const;
const changeKind = { add: 0, min: 1, max: 2, append: 3 } as const;

/** See command_encoding.ts for the format. */
export function writePut(writer: ByteWriter, put: Put): void {
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

/** Undoes {@link writePut}; throws MalformedBytesError, as all that read here. */
export function readPut(reader: ByteReader): Put {
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

/** See command_encoding.ts for the format. */
export function writeDelete(writer: ByteWriter, deletion: Delete): void {
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

/** Undoes {@link writeDelete}. */
export function readDelete(reader: ByteReader): Delete {
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

/** A key or a range. */
export function writeTarget(writer: ByteWriter, target: KeyTarget): void {
  if (target.kind === "key") {
    writer.u8(targetForm.key).bytes(target.key);
  } else if (target.end === undefined) {
    writer.u8(targetForm.openRange).bytes(target.start);
  } else {
    writer.u8(targetForm.range).bytes(target.start).bytes(target.end);
  }
}

/** Undoes {@link writeTarget}. */
export function readTarget(reader: ByteReader): KeyTarget {
  const number = reader.u8();
  switch (number) {
    case targetForm.key:
      return { kind: "key", key: reader.bytes() };
    case targetForm.openRange:
      return { kind: "range", start: reader.bytes() };
    case targetForm.range:
      return { kind: "range", start: reader.bytes(), end: reader.bytes() };
  }
  throw new MalformedBytesError(`target of unknown form ${number}`);
}

/** See command_encoding.ts for the format. */
export function writeMerge(writer: ByteWriter, merge: Merge): void {
  writer.u8(valueFlags(merge)).bytes(merge.key).bytes(merge.patch);
  writeConditions(writer, merge.conditions);
}

/** Undoes {@link writeMerge}. */
export function readMerge(reader: ByteReader): Merge {
  const flags = readValueFlags(reader, "merge");
  const key = reader.bytes();
  const patch = reader.bytes();
  return { kind: "merge", key, patch, ...flags, conditions: readConditions(reader) };
}

/** See command_encoding.ts for the format. */
export function writeUpdate(writer: ByteWriter, update: Update): void {
  writer.u8(valueFlags(update)).bytes(update.key);
  const { change } = update;
  writer.u8(changeKind[change.kind]);
  if (change.kind === "append") writer.bytes(change.bytes);
  else writer.text(change.operand);
  writeConditions(writer, update.conditions);
}

/** Undoes {@link writeUpdate}. */
export function readUpdate(reader: ByteReader): Update {
  const flags = readValueFlags(reader, "update");
  const key = reader.bytes();
  const change = readChange(reader);
  return { kind: "update", key, change, ...flags, conditions: readConditions(reader) };
}

function readChange(reader: ByteReader): ValueChange {
  const number = reader.u8();
  switch (number) {
    case changeKind.add:
      return { kind: "add", operand: reader.text() };
    case changeKind.min:
      return { kind: "min", operand: reader.text() };
    case changeKind.max:
      return { kind: "max", operand: reader.text() };
    case changeKind.append:
      return { kind: "append", bytes: reader.bytes() };
  }
  throw new MalformedBytesError(`change of unknown kind ${number}`);
}

type ValueFlags = Pick<Merge, "prev" | "returnValue">;

function valueFlags({ prev, returnValue }: ValueFlags): number {
  return (prev ? valueFlag.prev : 0) | (returnValue ? valueFlag.returnValue : 0);
}

function readValueFlags(reader: ByteReader, where: string): ValueFlags {
  const flags = reader.u8();
  requireKnownFlags(flags, 3, where);
  return {
    prev: (flags & valueFlag.prev) !== 0,
    returnValue: (flags & valueFlag.returnValue) !== 0,
  };
}

/** See command_encoding.ts for the format. */
export function writeConditions(writer: ByteWriter, conditions: Conditions): void {
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

/** Undoes {@link writeConditions}. */
export function readConditions(reader: ByteReader): Conditions {
  const forms = reader.u8();
  requireKnownFlags(forms, 63, "conditions");
  if (forms === 0) return unconditional;
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
