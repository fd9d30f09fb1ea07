/** From the configuration's keys to what the core and the node want to be told. */

import type { Config } from "./config/schema.ts";
import type { MemberKeeperParts } from "./node/member_keeper.ts";
import type { NodeLimits } from "./node/parts.ts";
import type { SnapshotOptions } from "./node/snapshots.ts";
import type { RaftOptions } from "./raft/types.ts";

/** The largest entry: the largest value, its key and everything around them. */
export const entryBytesMax = 17 * 1024 * 1024;
const applyBytesMax = 1024 * 1024;

/** What the core is told. */
export function raftOptions({ raft }: Config): RaftOptions {
  return {
    heartbeatIntervalMs: raft.heartbeatIntervalMs,
    electionTimeoutMinMs: raft.electionTimeoutMinMs,
    electionTimeoutMaxMs: raft.electionTimeoutMaxMs,
    entryBytesMax,
    appendBytesMax: raft.appendBytesMax,
    inflightMessagesMax: raft.inflightMessagesMax,
    inflightBytesMax: raft.inflightBytesMax,
    uncommittedBytesMax: raft.uncommittedBytesMax,
    logCacheBytesMax: raft.logCacheBytesMax,
    readsPendingMax: raft.readsPendingMax,
    ...(raft.leaseReads
      ? {
        lease: { clockDriftPermille: raft.clockDriftPermilleMax, marginMs: raft.leaseMarginMs },
      }
      : {}),
  };
}

/** What the node is told of images of its store, and of the beginning of its log. */
export function snapshotOptions({ snapshot, storage }: Config): SnapshotOptions {
  const compaction = {
    entries: snapshot.logEntriesMax,
    bytes: snapshot.logBytesMax,
    intervalMs: snapshot.intervalMs,
    coolDownMs: snapshot.coolDownMs,
    retainedEntries: snapshot.retainedEntriesMax,
    retainedBytes: snapshot.retainedBytesMax,
  };
  return {
    send: {
      chunkBytes: snapshot.chunkBytes,
      inflightBytesMax: snapshot.inflightBytesMax,
      bytesPerSecond: snapshot.bytesPerSecondMax,
    },
    heldBytesMax: snapshot.heldBytesMax,
    // Beside a log in plain files the store lives in memory, and every start builds it anew.
    compaction: storage.engine === "file" ? undefined : compaction,
  };
}

/** What the node is told. */
export function nodeLimits({ raft, limits }: Config): NodeLimits {
  return {
    receivedBytesMax: raft.receivedBytesMax,
    clientInputsMax: limits.requestsWaitingMax,
    clientBytesMax: limits.requestsWaitingBytesMax,
    turnInputsMax: raft.turnInputsMax,
    turnBytesMax: raft.turnBytesMax,
    applyBytesMax,
    // Storage works on the node's own thread: a second write would only wait behind the first.
    writesInflightMax: 1,
  };
}

/** What a leader does about members by itself. */
export function memberOptions({ raft }: Config): Pick<MemberKeeperParts, "rules" | "silentMsMax"> {
  const { promoteLearners: promotes, removeDeadAfterMs, votersMin } = raft;
  return {
    rules: { promotes, removeDeadAfterMs, votersMin },
    silentMsMax: raft.electionTimeoutMinMs,
  };
}
