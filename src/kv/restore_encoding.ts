/**
 * The bytes of the commands that restore a backup (command_encoding.ts).
 *
 * ```text
 * beginRestore  = id:text over:u8 revision:varint oldest:varint clusterTimeMs:varint
 *                 leasesNumbered:varint blocks:varint crc32c:u32 above:varint
 * stageRestore  = id:text first:varint count:varint block:bytes …
 * commitRestore = id:text
 * stepRestore   = id:text recordsMax:varint
 * abortRestore  = id:text
 * ```
 */

import { type ByteReader, type ByteWriter, MalformedBytesError } from "../lib/bytes.ts";
import { readList, writeList } from "./encoding.ts";
import {
  type BeginRestore,
  restoreConditions,
  type RestoreOperation,
  type StageRestore,
} from "./restore_command.ts";

/** What comes behind the kind. */
export function writeRestore(writer: ByteWriter, operation: RestoreOperation): void {
  writer.text(operation.id);
  switch (operation.kind) {
    case "beginRestore":
      writer.u8(restoreConditions.indexOf(operation.over)).varint(operation.revision)
        .varint(operation.oldest).varint(operation.clusterTimeMs).varint(operation.leasesNumbered)
        .varint(operation.blocks).u32(operation.crc32c).varint(operation.above);
      return;
    case "stageRestore":
      writer.varint(operation.first);
      return writeList(writer, operation.blocks, (block) => writer.bytes(block));
    case "stepRestore":
      writer.varint(operation.recordsMax);
      return;
    case "commitRestore":
    case "abortRestore":
  }
}

/** Undoes {@link writeRestore}. Throws MalformedBytesError. */
export function readRestore(
  reader: ByteReader,
  kind: RestoreOperation["kind"],
): RestoreOperation {
  const id = reader.text();
  switch (kind) {
    case "beginRestore":
      return readBegin(reader, id);
    case "stageRestore":
      return readStage(reader, id);
    case "stepRestore":
      return { kind, id, recordsMax: reader.varint() };
    case "commitRestore":
    case "abortRestore":
      return { kind, id };
  }
}

function readBegin(reader: ByteReader, id: string): BeginRestore {
  const over = restoreConditions[reader.u8()];
  if (over === undefined) throw new MalformedBytesError("restore over what is unknown");
  return {
    ...{ kind: "beginRestore", id, over },
    revision: reader.varint(),
    oldest: reader.varint(),
    clusterTimeMs: reader.varint(),
    leasesNumbered: reader.varint(),
    blocks: reader.varint(),
    crc32c: reader.u32(),
    above: reader.varint(),
  };
}

function readStage(reader: ByteReader, id: string): StageRestore {
  const first = reader.varint();
  return { kind: "stageRestore", id, first, blocks: readList(reader, () => reader.bytes()) };
}
