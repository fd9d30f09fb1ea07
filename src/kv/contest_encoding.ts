/**
 * The bytes of locks and elections, as parts of those of commands and results.
 *
 * ```text
 * contend      = area:u8 flags:u8 name:bytes value:bytes [lease:text] [ttlMs:varint]
 * leave        = area:u8 flags:u8 name:bytes token:varint [asked:varint]
 * proclaim     = name:bytes token:varint value:bytes
 * contest      = flags:u8 before:varint [holder] [own]          behind kind and revision
 * holder       = token:varint lease:text [value:bytes]
 * own          = token:varint lease:text
 * ```
 */

import { type ByteReader, type ByteWriter, MalformedBytesError } from "../lib/bytes.ts";
import type { Contend, ContestArea, ContestOperation, Leave, Proclaim } from "./contest_command.ts";
import { readLeaseId, requireKnownFlags } from "./encoding.ts";
import type { ContestDone } from "./result.ts";

const areaNumber = { lock: 1, election: 2 } as const satisfies Record<ContestArea, number>;
const contendFlag = { lease: 1, ttl: 2, queue: 4 } as const;
const leaveFlag = { onlyWaiting: 1, asked: 2 } as const;
const doneFlag = { holder: 1, value: 2, own: 4, hasLeft: 8 } as const;

/** What stands behind the kind of the operation. */
export function writeContest(writer: ByteWriter, operation: ContestOperation): void {
  switch (operation.kind) {
    case "contend":
      return writeContend(writer, operation);
    case "leave":
      return writeLeave(writer, operation);
    case "proclaim":
      writer.bytes(operation.name).varint(operation.token).bytes(operation.value);
  }
}

function writeContend(writer: ByteWriter, contend: Contend): void {
  const { area, name, value, lease, ttlMs, queue } = contend;
  const flags = (lease === undefined ? 0 : contendFlag.lease) |
    (ttlMs === undefined ? 0 : contendFlag.ttl) | (queue ? contendFlag.queue : 0);
  writer.u8(areaNumber[area]).u8(flags).bytes(name).bytes(value);
  if (lease !== undefined) writer.text(lease);
  if (ttlMs !== undefined) writer.varint(ttlMs);
}

function writeLeave(writer: ByteWriter, leave: Leave): void {
  const { area, name, token, onlyWaiting, asked } = leave;
  const flags = (onlyWaiting ? leaveFlag.onlyWaiting : 0) |
    (asked === undefined ? 0 : leaveFlag.asked);
  writer.u8(areaNumber[area]).u8(flags).bytes(name).varint(token);
  if (asked !== undefined) writer.varint(asked);
}

/** Throws MalformedBytesError, like all that follow. */
export function readContend(reader: ByteReader): Contend {
  const area = readArea(reader);
  const flags = reader.u8();
  requireKnownFlags(flags, 7, "contend");
  return {
    ...{ kind: "contend", area, name: reader.bytes(), value: reader.bytes() },
    ...((flags & contendFlag.lease) === 0 ? {} : { lease: readLeaseId(reader) }),
    ...((flags & contendFlag.ttl) === 0 ? {} : { ttlMs: reader.varint() }),
    queue: (flags & contendFlag.queue) !== 0,
  };
}

/** Undoes {@link writeContest} for this kind. */
export function readLeave(reader: ByteReader): Leave {
  const area = readArea(reader);
  const flags = reader.u8();
  requireKnownFlags(flags, 3, "leave");
  const leave = { kind: "leave", area, name: reader.bytes(), token: reader.varint() } as const;
  return {
    ...leave,
    onlyWaiting: (flags & leaveFlag.onlyWaiting) !== 0,
    ...((flags & leaveFlag.asked) === 0 ? {} : { asked: reader.varint() }),
  };
}

/** Undoes {@link writeContest} for this kind. */
export function readProclaim(reader: ByteReader): Proclaim {
  const [name, token] = [reader.bytes(), reader.varint()];
  return { kind: "proclaim", name, token, value: reader.bytes() };
}

function readArea(reader: ByteReader): ContestArea {
  const number = reader.u8();
  if (number === areaNumber.lock) return "lock";
  if (number === areaNumber.election) return "election";
  throw new MalformedBytesError(`contest of unknown area ${number}`);
}

/** What stands behind the revision. */
export function writeContestDone(writer: ByteWriter, done: ContestDone): void {
  const { holder, own, before, hasLeft } = done;
  const value = holder?.value;
  const flags = (holder === undefined ? 0 : doneFlag.holder) |
    (value === undefined ? 0 : doneFlag.value) | (own === undefined ? 0 : doneFlag.own) |
    (hasLeft ? doneFlag.hasLeft : 0);
  writer.u8(flags).varint(before);
  if (holder !== undefined) writer.varint(holder.token).text(holder.lease);
  if (value !== undefined) writer.bytes(value);
  if (own !== undefined) writer.varint(own.token).text(own.lease);
}

/** Undoes {@link writeContestDone}. */
export function readContestDone(reader: ByteReader, revision: number): ContestDone {
  const flags = reader.u8();
  requireKnownFlags(flags, 15, "contest");
  const hasValue = (flags & doneFlag.value) !== 0;
  const hasHolder = (flags & doneFlag.holder) !== 0;
  if (hasValue && !hasHolder) throw new MalformedBytesError("contest with a value of nobody");
  const before = reader.varint();
  const holder = hasHolder
    ? { ...readParty(reader), ...(hasValue ? { value: reader.bytes() } : {}) }
    : undefined;
  const own = (flags & doneFlag.own) === 0 ? undefined : readParty(reader);
  return {
    kind: "contest",
    revision,
    ...(holder === undefined ? {} : { holder }),
    ...(own === undefined ? {} : { own }),
    before,
    hasLeft: (flags & doneFlag.hasLeft) !== 0,
  };
}

function readParty(reader: ByteReader): NonNullable<ContestDone["own"]> {
  return { token: reader.varint(), lease: readLeaseId(reader) };
}
