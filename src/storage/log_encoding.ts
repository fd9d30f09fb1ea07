/**
 * The canonical bytes of what stands beside the entries: over them runs the checksum of a row of
 * raft.db, and they are the records of the file engine. Integers are varints of lib/bytes.ts.
 */

import type { ByteReader, ByteWriter } from "../lib/bytes.ts";
import { decodeConfiguration, encodeConfiguration } from "../raft/encoding.ts";
import type { Boundary, HardState, LogPosition } from "../raft/types.ts";

/** currentTerm, votedFor (0: no vote), commitIndex. */
export function writeHardState(writer: ByteWriter, hardState: HardState): void {
  writer.varint(hardState.currentTerm).varint(hardState.votedFor ?? 0);
  writer.varint(hardState.commitIndex);
}

/** Throws MalformedBytesError for bytes that are no hard state. */
export function readHardState(reader: ByteReader): HardState {
  const currentTerm = reader.varint();
  const votedFor = reader.varint();
  const commitIndex = reader.varint();
  return votedFor === 0 ? { currentTerm, commitIndex } : { currentTerm, votedFor, commitIndex };
}

/** index, term. */
export function writePosition(writer: ByteWriter, position: LogPosition): void {
  writer.varint(position.index).varint(position.term);
}

/** Throws MalformedBytesError for bytes that are no position. */
export function readPosition(reader: ByteReader): LogPosition {
  return { index: reader.varint(), term: reader.varint() };
}

/** position, timeMs, position of the configuration, the configuration with its length before it. */
export function writeBoundary(writer: ByteWriter, boundary: Boundary): void {
  writePosition(writer, boundary.position);
  writer.varint(boundary.timeMs);
  writePosition(writer, boundary.configuration.position);
  writer.bytes(encodeConfiguration(boundary.configuration.configuration));
}

/** Throws MalformedBytesError for bytes that are no boundary. */
export function readBoundary(reader: ByteReader): Boundary {
  const position = readPosition(reader);
  const timeMs = reader.varint();
  const configurationPosition = readPosition(reader);
  const configuration = decodeConfiguration(reader.bytes());
  return { position, timeMs, configuration: { position: configurationPosition, configuration } };
}
