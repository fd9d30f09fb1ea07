/**
 * Images of the store, as the harness of the cores knows them: the store is a position and nothing
 * else, so that an image is its meta, in chunks of one byte.
 */

import { emptyBytes } from "../../src/lib/bytes.ts";
import type { InstallSnapshot } from "../../src/raft/message.ts";
import type { LogPosition, SnapshotMeta } from "../../src/raft/types.ts";
import type { RaftDisk } from "./raft_disk.ts";

export const imageChunks = 3;

/** What lies beside the store, and outlives the process: an image that comes, or has come. */
export interface RaftStage {
  readonly meta: SnapshotMeta;
  chunks: number;
}

/** The image of a store that has applied up to `position`, which `disk` still holds. */
export function imageAt(disk: RaftDisk, position: LogPosition): SnapshotMeta {
  const { boundary } = disk;
  const { index } = position;
  const timeMs = index === boundary.position.index ? boundary.timeMs : disk.entry(index)?.timeMs;
  const configuration = disk.configurations.findLast((each) => each.position.index <= index);
  if (timeMs === undefined || configuration === undefined) throw new Error(`No entry ${index}`);
  return { position, timeMs, configuration, bytes: imageChunks, digest: emptyBytes };
}

export function chunkOf(meta: SnapshotMeta, offset: number): InstallSnapshot {
  const last = offset === imageChunks - 1;
  return { kind: "installSnapshot", meta, offset, data: new Uint8Array(1), crc32c: 0, last };
}

export function isComplete({ chunks }: RaftStage): boolean {
  return chunks === imageChunks;
}
