/**
 * What nodes say to each other. RequestVote, AppendEntries, InstallSnapshot and TimeoutNow are the
 * paper's and the thesis's RPCs; each reply is a message of its own, because a peer may answer
 * late, twice or never.
 */

import type { Entry, Index, LogPosition, NodeId, ReadId, SnapshotMeta, Term } from "./types.ts";

/**
 * A message with its addresses. Cluster id, incarnations and starts stand in the Hello of the
 * stream, not here.
 */
export interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  /**
   * The sender's logEpoch: how often it has lost part of its log. Acknowledgements of an older
   * epoch do not count.
   */
  readonly fromEpoch: number;
  /** The newest logEpoch of the receiver that the sender knows; 0 when it knows none. */
  readonly toEpoch: number;
  /** The sender's currentTerm. */
  readonly term: Term;
  readonly message: Message;
}

export type Message =
  | RequestVote
  | RequestVoteReply
  | PreVote
  | PreVoteReply
  | AppendEntries
  | AppendEntriesReply
  | Heartbeat
  | HeartbeatReply
  | ReadIndexRequest
  | ReadIndexReply
  | TimeoutNow
  | InstallSnapshot
  | InstallSnapshotReply;

/** Paper §5.2. `transfer` is set by a candidate that its leader told to campaign (thesis §3.10). */
export interface RequestVote {
  readonly kind: "requestVote";
  readonly lastLog: LogPosition;
  readonly transfer: boolean;
}

/** Paper §5.2. A granted vote is durable before this leaves. */
export interface RequestVoteReply {
  readonly kind: "requestVoteReply";
  readonly voteGranted: boolean;
  /** The asker was removed by the configuration at this position. */
  readonly notMember?: LogPosition;
}

/** Thesis §9.6: would you vote for me in my term + 1? Changes nothing durable on either side. */
export interface PreVote {
  readonly kind: "preVote";
  readonly lastLog: LogPosition;
}

/** Thesis §9.6. Needs no disk: nothing durable has changed. */
export interface PreVoteReply {
  readonly kind: "preVoteReply";
  /** The term that was asked for, so that a late answer cannot count for a later round. */
  readonly requestedTerm: Term;
  readonly voteGranted: boolean;
  readonly notMember?: LogPosition;
}

/** Paper §5.3. Entries follow `prevLog` without a gap. */
export interface AppendEntries {
  readonly kind: "appendEntries";
  readonly prevLog: LogPosition;
  readonly entries: readonly Entry[];
  readonly leaderCommit: Index;
  /** Which of the leader's attempts to go on with this follower (progress.ts) it belongs to. */
  readonly attempt: number;
}

/**
 * `matched`: the follower's log equals the leader's up to here, durably. `conflict`: it does not
 * hold `rejected`, the prevLog of the request; the leader may go on at `hint`, the last position
 * that could match.
 */
export interface AppendEntriesReply {
  readonly kind: "appendEntriesReply";
  readonly result:
    | { readonly kind: "matched"; readonly position: LogPosition }
    | { readonly kind: "conflict"; readonly rejected: LogPosition; readonly hint: LogPosition };
  /** This node's store is behind its log's boundary: only a snapshot helps. */
  readonly needsSnapshot: boolean;
  /** That of the request. */
  readonly attempt: number;
}

/**
 * Asserts leadership, spreads the commit index and opens a quorum round for reads (thesis §6.4). It
 * checks no log, so it may overtake entries and is answered without waiting for the disk.
 */
export interface Heartbeat {
  readonly kind: "heartbeat";
  readonly round: number;
  /** The follower takes from it only what it knows to equal the leader's log. */
  readonly leaderCommit: Index;
  /**
   * The last position that the follower has acknowledged in this term, under the epoch `toEpoch`;
   * the origin when none is known. A log without it has lost something (loss.ts).
   */
  readonly match: LogPosition;
}

/** Confirms every round up to `round` of the same term. */
export interface HeartbeatReply {
  readonly kind: "heartbeatReply";
  readonly round: number;
  /** Last entry known to equal the leader's: after a restart less than was once acknowledged. */
  readonly verifiedIndex: Index;
  /** What the follower's store has applied: a report, nothing is decided by it. */
  readonly appliedIndex: Index;
}

/**
 * A follower asks its leader for a readIndex (thesis §6.4). Dropped, not refused, when there is no
 * leader here.
 */
export interface ReadIndexRequest {
  readonly kind: "readIndexRequest";
  readonly id: ReadId;
}

/** The read may be answered once `index` is applied (thesis §6.4). */
export interface ReadIndexReply {
  readonly kind: "readIndexReply";
  readonly id: ReadId;
  readonly index: Index;
}

/** Thesis §3.10: campaign at once. */
export interface TimeoutNow {
  readonly kind: "timeoutNow";
}

/** Paper §7. One chunk of the image `meta`; the last one has `last`. */
export interface InstallSnapshot {
  readonly kind: "installSnapshot";
  readonly meta: SnapshotMeta;
  readonly offset: number;
  readonly data: Uint8Array;
  readonly crc32c: number;
  readonly last: boolean;
}

/** How far the image has come, or why it is not taken. */
export interface InstallSnapshotReply {
  readonly kind: "installSnapshotReply";
  /** Of the image that the chunk belonged to; with `busy` perhaps higher: that much is needed. */
  readonly position: LogPosition;
  readonly nextOffset: number;
  readonly refused?: "corrupt" | "busy" | "notNeeded";
}

/** Only the leader of a term says such things in it. */
export function isLeaders({ kind }: Message): boolean {
  return kind === "appendEntries" || kind === "heartbeat" || kind === "installSnapshot";
}
