/** What an image is said to be: its bytes on disk, and whether it is that. */

import type { KvMeta } from "../kv/ports.ts";
import { ByteReader, ByteWriter, equalBytes, MalformedBytesError } from "../lib/bytes.ts";
import { decodeConfiguration, encodeConfiguration } from "../raft/encoding.ts";
import type { LogPosition, SnapshotMeta } from "../raft/types.ts";

const formatVersion = 1;
/** SHA-256. */
export const digestBytes = 32;

/** The same meta gives the same bytes. */
export function encodeSnapshotMeta(meta: SnapshotMeta): Uint8Array {
  const { position, timeMs, configuration, bytes, digest } = meta;
  const writer = new ByteWriter().u8(formatVersion);
  writePosition(writer, position).varint(timeMs);
  writePosition(writer, configuration.position);
  writer.bytes(encodeConfiguration(configuration.configuration));
  return writer.varint(bytes).bytes(digest).finish();
}

/** Throws MalformedBytesError for bytes that are none. */
export function decodeSnapshotMeta(encoded: Uint8Array): SnapshotMeta {
  const reader = new ByteReader(encoded);
  const version = reader.u8();
  if (version !== formatVersion) {
    throw new MalformedBytesError(`meta of version ${version}, known is ${formatVersion}`);
  }
  const position = readPosition(reader);
  const timeMs = reader.varint();
  const configuredAt = readPosition(reader);
  const configuration = decodeConfiguration(reader.bytes());
  const bytes = reader.varint();
  const digest = new Uint8Array(reader.bytes());
  reader.end();
  const positioned = { position: configuredAt, configuration };
  return { position, timeMs, configuration: positioned, bytes, digest };
}

/** Index, then term. */
export function writePosition(writer: ByteWriter, position: LogPosition): ByteWriter {
  return writer.varint(position.index).varint(position.term);
}

/** What {@link writePosition} wrote. */
export function readPosition(reader: ByteReader): LogPosition {
  const index = reader.varint();
  return { index, term: reader.varint() };
}

/** True when both are of the same image. */
export function isSameImage(one: SnapshotMeta, other: SnapshotMeta): boolean {
  return equalBytes(encodeSnapshotMeta(one), encodeSnapshotMeta(other));
}

/** The meta of an image of `stored`. */
export function metaOfImage(
  stored: KvMeta,
  image: { readonly bytes: number; readonly digest: Uint8Array },
): SnapshotMeta {
  const { applied: position, clusterTimeMs: timeMs, configuration } = stored;
  return { position, timeMs, configuration, ...image };
}

/** Why `found`, which an image holds, is not what `meta` says; undefined when it is. */
export function contentFlaw(
  meta: SnapshotMeta,
  expected: { readonly clusterId: string },
  found: { readonly clusterId: string; readonly meta: KvMeta },
): string | undefined {
  if (found.clusterId !== expected.clusterId) {
    return `it is of cluster ${found.clusterId}, this node of cluster ${expected.clusterId}`;
  }
  const { applied } = found.meta;
  const { index, term } = meta.position;
  if (applied.index !== index || applied.term !== term) {
    return `it stands at entry ${applied.index} of term ${applied.term}, ` +
      `and was said to at ${index} of term ${term}`;
  }
  const said = { bytes: meta.bytes, digest: meta.digest };
  if (isSameImage(metaOfImage(found.meta, said), meta)) return undefined;
  return "its time or its configuration is not the one that it was said to have";
}
