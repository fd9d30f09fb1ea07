/** Everything that the node must do for the core, named by the duty. There is no other way out. */

import type { HeirFlaw } from "./heirs.ts";
import type { Envelope, InstallSnapshot, InstallSnapshotReply } from "./message.ts";
import type {
  BatchNumber,
  Boundary,
  Entry,
  HardState,
  Index,
  LeadershipReason,
  LogPosition,
  NodeId,
  ProposalId,
  ReadId,
  Role,
  SnapshotMeta,
  Term,
} from "./types.ts";

/** What the node has to do before it steps on, each field on its own account. */
export interface Ready {
  /** May leave now: what has to wait for the disk is still inside the core. */
  readonly send: readonly Envelope[];
  /** Durable before `persisted` of its number is stepped. */
  readonly write?: LogWrite;
  /** Apply in order. Committed, and durable on this node. */
  readonly committed: readonly Entry[];
  readonly outcomes: readonly Outcome[];
  /**
   * Peers whose next entry is compacted, or whose store is behind their log: make or reuse an image
   * and stream it, as long as RaftStatus says that they want one.
   */
  readonly snapshotsWanted: readonly NodeId[];
  /** Chunks that passed the term gate; they belong into the stage. */
  readonly snapshotChunks: readonly { readonly from: NodeId; readonly chunk: InstallSnapshot }[];
  /** For the snapshotter that is sending to this peer. */
  readonly snapshotReplies: readonly {
    readonly peer: NodeId;
    readonly reply: InstallSnapshotReply;
  }[];
  /** The stage of the image at this position is not wanted any more. */
  readonly stageDropped?: LogPosition;
  /**
   * The store has to become the staged image of this position, before anything else is applied or
   * read; then `applied` is stepped.
   */
  readonly adopt?: LogPosition;
  readonly leadership?: Leadership;
  readonly heard?: Heard;
  /** Comes once, and nothing is sent, written or applied with it or after it. */
  readonly loss?: Loss;
}

/**
 * Another node has shown that the log lost something which this node had told (loss.ts). The node
 * has to start again, recovering, under `logEpoch`.
 */
export interface Loss {
  /** For people: half a sentence. */
  readonly reason: string;
  /** Above every epoch under which this node is known to have spoken. */
  readonly logEpoch: number;
}

/** One transaction, in this order of fields. */
export interface LogWrite {
  readonly number: BatchNumber;
  readonly hardState?: HardState;
  /** Replaces the whole log by this boundary (paper §7). */
  readonly snapshot?: SnapshotMeta;
  /** Deletes this entry and all behind it, before `entries` are added. */
  readonly truncateFrom?: Index;
  readonly entries: readonly Entry[];
  /** Moves the boundary; the rows below it are purged little by little. */
  readonly compactTo?: Boundary;
}

export type Outcome =
  /** The proposal stands in the log at this position. Whether it commits, the store will see. */
  | { readonly kind: "accepted"; readonly id: ProposalId; readonly position: LogPosition }
  /** The proposal was not appended and never will be. */
  | {
    readonly kind: "dropped";
    readonly id: ProposalId;
    readonly reason: DropReason;
    readonly leader?: NodeId;
  }
  /** Reads of this round may be answered once the store has applied `index`. */
  | { readonly kind: "readable"; readonly id: ReadId; readonly index: Index }
  /** The round cannot be confirmed; ask again under a new id. */
  | {
    readonly kind: "readDropped";
    readonly id: ReadId;
    readonly reason: "noLeader" | "overloaded" | "leaderChanged" | "timeout";
  }
  | { readonly kind: "transferred"; readonly id: ProposalId; readonly to: NodeId }
  | {
    readonly kind: "transferFailed";
    readonly id: ProposalId;
    readonly reason:
      | "notLeader"
      | "noTarget"
      | HeirFlaw
      | "inProgress"
      | "timeout"
      | "leadershipLost";
    readonly leader?: NodeId;
  };

export type DropReason =
  | "notLeader"
  | "overloaded"
  | "tooLarge"
  | "transferring"
  /**
   * A membership change while another one, or the leader's own first entry, is not committed
   * (thesis §4.1 and 2015 erratum).
   */
  | "changeInProgress"
  /** The configuration is not the one that the caller saw. */
  | "configurationChanged"
  /** The wanted configuration is not one that can follow the present one. */
  | "invalidChange";

/** The role of this node has changed, or whom it follows. */
export interface Leadership {
  readonly role: Role;
  readonly term: Term;
  readonly leader?: NodeId;
  /** The index of the leader's own no-op, on the leader itself. */
  readonly termStart?: Index;
  readonly reason: LeadershipReason;
}

/**
 * What the newest message of the leader said; the node derives the staleness of local reads from
 * it.
 */
export interface Heard {
  readonly leaderCommit: Index;
  /** The leader's. Before an entry of it is committed, more may be than the leader knows of. */
  readonly term: Term;
  /** On a leader: when the newest round confirmed by a quorum was sent, in the core's ms. */
  readonly sentRoundMs?: number;
}
