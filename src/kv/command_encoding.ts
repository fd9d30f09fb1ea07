/**
 * The bytes of commands and operations, as they stand in the log and travel from a follower to the
 * leader. The format is final: later operations get kinds of their own, later fields get flags of
 * their own, and a reader that does not know one says so instead of passing over it.
 *
 * ```text
 * command      = version:u8 flags:u8 wallMs:varint [identity:text key:text requestHash:bytes]
 *                operation
 * operation    = version:u8 kind:u8 body
 * nothing      =
 * put          = flags:u8 key:bytes value:bytes [mediaType:text] [lease:text] [ttlMs:varint]
 *                conditions
 * delete       = flags:u8 (key:bytes | start:bytes [end:bytes]) [limit:varint] conditions
 * merge        = flags:u8 key:bytes patch:bytes conditions
 * update       = flags:u8 key:bytes change:u8 (operand:text | bytes:bytes) conditions
 * txn          = compares:list then:list otherwise:list           see txn_encoding.ts
 * batch        = count:varint (kind:u8 (put | delete | key:bytes)) …
 * compact      = revision:varint
 * raiseDataVersion = version:varint
 * grantLease   = ttlMs:varint id:text                             "": chosen by the store
 * keepLeases   = count:varint id:text …
 * revokeLease  = id:text
 * expireLeases = count:varint (id:text deadlineMs:varint) …
 * contend, leave, proclaim                                        see contest_encoding.ts
 * beginRestore, stageRestore, commitRestore, stepRestore, abortRestore
 *                                                                 see restore_encoding.ts
 * target       = form:u8 (key:bytes | start:bytes [end:bytes])
 * conditions   = forms:u8 [ifMatch:tags] [ifNoneMatch:tags] [ifValue:bytes]
 * tags         = count:varint revision:varint …
 * ```
 *
 * `text` and `bytes` carry their length as a varint; `forms` holds two bits each for ifMatch,
 * ifNoneMatch and ifValue: 0 absent, 1 `any` (ifValue: `absent`), 2 a list (ifValue: bytes).
 */

import { ByteReader, ByteWriter, MalformedBytesError } from "../lib/bytes.ts";
import type { Batch, BatchItem, Command, Idempotency, Operation } from "./command.ts";
import { readContend, readLeave, readProclaim, writeContest } from "./contest_encoding.ts";
import {
  type Decoded,
  decodeTotally,
  readLeaseId,
  readList,
  readVersion,
  requireKnownFlags,
  requireLeaseId,
  writeList,
} from "./encoding.ts";
import { readRestore, writeRestore } from "./restore_encoding.ts";
import { readTxn, writeTxn } from "./txn_encoding.ts";
import {
  readDelete,
  readMerge,
  readPut,
  readUpdate,
  writeDelete,
  writeMerge,
  writePut,
  writeUpdate,
} from "./write_encoding.ts";

const commandVersion = 1;
const operationVersion = 1;

const commandFlag = { idempotency: 1 } as const;
const operationKind = {
  nothing: 0,
  put: 1,
  delete: 2,
  merge: 3,
  update: 4,
  txn: 5,
  batch: 6,
  compact: 7,
  grantLease: 8,
  keepLeases: 9,
  revokeLease: 10,
  expireLeases: 11,
  contend: 12,
  leave: 13,
  proclaim: 14,
  beginRestore: 15,
  stageRestore: 16,
  commitRestore: 17,
  stepRestore: 18,
  abortRestore: 19,
  raiseDataVersion: 20,
} as const;
const itemKind = { put: 0, delete: 1, get: 2 } as const;

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
  if (operation.kind === "put") return operation.key.length + operation.value.length;
  if (operation.kind !== "stageRestore") return 0;
  return operation.blocks.reduce((sum, block) => sum + block.length, 0);
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
    case "merge":
      return writeMerge(writer, operation);
    case "update":
      return writeUpdate(writer, operation);
    case "txn":
      return writeTxn(writer, operation);
    case "batch":
      return writeList(writer, operation.items, (item) => writeItem(writer, item));
    case "compact":
      writer.varint(operation.revision);
      return;
    case "raiseDataVersion":
      writer.varint(operation.version);
      return;
    case "grantLease":
      writer.varint(operation.ttlMs).text(operation.id ?? "");
      return;
    case "keepLeases":
      return writeList(writer, operation.ids, (id) => writer.text(id));
    case "revokeLease":
      writer.text(operation.id);
      return;
    case "expireLeases":
      return writeList(writer, operation.leases, ({ id, deadlineMs }) => {
        writer.text(id).varint(deadlineMs);
      });
    case "contend":
    case "leave":
    case "proclaim":
      return writeContest(writer, operation);
    case "beginRestore":
    case "stageRestore":
    case "commitRestore":
    case "stepRestore":
    case "abortRestore":
      return writeRestore(writer, operation);
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
    case operationKind.merge:
      return readMerge(reader);
    case operationKind.update:
      return readUpdate(reader);
    case operationKind.txn:
      return readTxn(reader);
    case operationKind.batch:
      return readBatch(reader);
    case operationKind.compact:
      return { kind: "compact", revision: reader.varint() };
    case operationKind.raiseDataVersion:
      return { kind: "raiseDataVersion", version: reader.varint() };
    case operationKind.grantLease:
      return readGrant(reader);
    case operationKind.keepLeases:
      return { kind: "keepLeases", ids: readList(reader, () => readLeaseId(reader)) };
    case operationKind.revokeLease:
      return { kind: "revokeLease", id: readLeaseId(reader) };
    case operationKind.expireLeases: {
      const readDue = () => ({ id: readLeaseId(reader), deadlineMs: reader.varint() });
      return { kind: "expireLeases", leases: readList(reader, readDue) };
    }
    case operationKind.contend:
      return readContend(reader);
    case operationKind.leave:
      return readLeave(reader);
    case operationKind.proclaim:
      return readProclaim(reader);
    case operationKind.beginRestore:
      return readRestore(reader, "beginRestore");
    case operationKind.stageRestore:
      return readRestore(reader, "stageRestore");
    case operationKind.commitRestore:
      return readRestore(reader, "commitRestore");
    case operationKind.stepRestore:
      return readRestore(reader, "stepRestore");
    case operationKind.abortRestore:
      return readRestore(reader, "abortRestore");
  }
  throw new MalformedBytesError(`operation of unknown kind ${kind}`, "later version");
}

function readGrant(reader: ByteReader): Operation {
  const ttlMs = reader.varint();
  const text = reader.text();
  if (text === "") return { kind: "grantLease", ttlMs };
  return { kind: "grantLease", ttlMs, id: requireLeaseId(text) };
}

function writeItem(writer: ByteWriter, item: BatchItem): void {
  writer.u8(itemKind[item.kind]);
  switch (item.kind) {
    case "put":
      return writePut(writer, item);
    case "delete":
      return writeDelete(writer, item);
    case "get":
      writer.bytes(item.key);
  }
}

function readBatch(reader: ByteReader): Batch {
  return { kind: "batch", items: readList(reader, () => readItem(reader)) };
}

function readItem(reader: ByteReader): BatchItem {
  const kind = reader.u8();
  switch (kind) {
    case itemKind.put:
      return readPut(reader);
    case itemKind.delete:
      return readDelete(reader);
    case itemKind.get:
      return { kind: "get", key: reader.bytes() };
  }
  throw new MalformedBytesError(`item of unknown kind ${kind}`, "later version");
}
