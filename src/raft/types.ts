/**
 * The nouns of the Raft core, in the words of the paper (Ongaro and Ousterhout, 2014) and of
 * Ongaro's thesis. Everything here is data: readonly, without behaviour, safe to hand across every
 * boundary.
 */

/** Identifies a node for ever: 1 … 2^32 − 1, never reused, also not after its node was removed. */
export type NodeId = number;

/** An election term (paper §5.1). A safe integer, asserted. */
export type Term = number;

/** A place in the log, from 1; 0 is the place before the first entry. A safe integer, asserted. */
export type Index = number;

/** Numbers the writes to storage, from 1, without gaps, across restarts. */
export type BatchNumber = number;

/** Identifies a proposal of this node within this start of the process. */
export type ProposalId = number;

/**
 * Index and term are one value: two loose numbers let an acknowledgement count for an entry since
 * replaced (ABA).
 */
export interface LogPosition {
  readonly index: Index;
  readonly term: Term;
}

/** The position before the first entry. */
export const originPosition: LogPosition = { index: 0, term: 0 };

/** One round of ReadIndex requests (thesis §6.4), unique over nodes and over restarts of a node. */
export interface ReadId {
  readonly node: NodeId;
  /**
   * Drawn at each start of the process, so that a restarted node cannot take an old answer for its
   * own.
   */
  readonly nonce: number;
  readonly counter: number;
}

export type Role = "follower" | "precandidate" | "candidate" | "leader";

/**
 * A `learner` is promoted once it has caught up; a `readOnly` member never is. Neither counts in
 * any quorum.
 */
export type Suffrage = "voter" | "learner" | "readOnly";

/** Where a member can be reached, each `host:port`, `http` as a full URL. */
export interface MemberAddresses {
  readonly rpc: string;
  readonly http: string;
  readonly clientRpc?: string;
}

/** A node that belongs, or belonged, to a configuration. */
export interface Member {
  readonly id: NodeId;
  /**
   * Sixteen hexadecimal digits drawn when the data directory was born: an emptied directory is
   * another incarnation.
   */
  readonly incarnation: string;
  readonly suffrage: Suffrage;
  readonly addresses?: MemberAddresses;
}

/**
 * Who belongs to the cluster. Joint (thesis §4.3) exactly while `outgoing` is there: then a
 * decision needs a majority of the voters in `members` (C_new) and another one of the voters in
 * `outgoing` (C_old).
 */
export interface Configuration {
  /** Sorted by id. */
  readonly members: readonly Member[];
  /** The members of C_old, sorted by id. */
  readonly outgoing?: readonly Member[];
  /** The highest id that was ever a member; it never shrinks, and an added id must be above it. */
  readonly nodeIdMax: NodeId;
}

/** A configuration and the entry that brought it. */
export interface PositionedConfiguration {
  readonly position: LogPosition;
  readonly configuration: Configuration;
}

/**
 * What a caller of changeConfiguration wants: the members of C_new. The core finds out whether that
 * needs a joint phase.
 */
export interface ConfigurationChange {
  readonly members: readonly Member[];
}

/**
 * `noop`: a new leader's first entry (thesis §6.4, paper §8), and the entry that only carries
 * cluster time.
 */
export type EntryKind = "noop" | "configuration" | "command";

/** One entry of the log (paper §5.3). */
export interface Entry {
  readonly index: Index;
  readonly term: Term;
  readonly kind: EntryKind;
  /** Cluster time in ms, stamped by the leader at append; never runs backwards along the log. */
  readonly timeMs: number;
  readonly data: Uint8Array;
  /**
   * CRC-32C over everything but itself (raft/encoding.ts), made where the entry is made, checked
   * wherever it lands.
   */
  readonly crc32c: number;
}

/**
 * What must survive a crash apart from the log (paper figure 2). `commitIndex` rides along and
 * never causes a write.
 */
export interface HardState {
  readonly currentTerm: Term;
  readonly votedFor?: NodeId;
  readonly commitIndex: Index;
}

/**
 * The last position that compaction removed, with what must still be known there (paper §7: last
 * included).
 */
export interface Boundary {
  readonly position: LogPosition;
  readonly timeMs: number;
  readonly configuration: PositionedConfiguration;
}

/** What an image of the store holds and how to know that it is whole (paper §7). */
export interface SnapshotMeta extends Boundary {
  readonly bytes: number;
  /** SHA-256 of the image. */
  readonly digest: Uint8Array;
}

/** Why a role or leader changed; for logs and metrics. */
export type LeadershipReason =
  | "electionTimeout"
  | "electionWon"
  | "electionLost"
  | "leaderFound"
  | "higherTerm"
  | "quorumLost"
  | "diskHung"
  | "applyHung"
  | "logLost"
  | "transfer"
  | "removed";

/** The core's own identity: what stands in its envelopes and in its read ids. */
export interface CoreIdentity {
  readonly nodeId: NodeId;
  readonly incarnation: string;
  readonly logEpoch: number;
  readonly nonce: number;
}

/** What storage and recovery know at start (node/recovery.ts decides it). */
export interface RestoredState {
  readonly identity: CoreIdentity;
  readonly hardState: HardState;
  readonly boundary: Boundary;
  /** Base first, then every configuration in the log, in log order. */
  readonly configurations: readonly PositionedConfiguration[];
  /**
   * The number of the last write that storage holds; the first write of the core has the next one.
   */
  readonly batchNumber: BatchNumber;
  readonly applied: LogPosition;
  /** The log may lack entries that this node once acknowledged (raft/mod.ts, "Recovering"). */
  readonly recovering: boolean;
}

/**
 * Limits and times of the core. All have a default in config/schema.ts; none of them alters the
 * protocol.
 */
export interface RaftOptions {
  readonly heartbeatIntervalMs: number;
  readonly electionTimeoutMinMs: number;
  readonly electionTimeoutMaxMs: number;
  /** Largest `data` of one proposal, bytes. */
  readonly entryBytesMax: number;
  /** Where one AppendEntries is cut, bytes of entry data; it carries at least one entry. */
  readonly appendBytesMax: number;
  /** Unacknowledged AppendEntries per peer, by count and by bytes. */
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  /**
   * Bytes of entries appended by this leader and not yet committed; above it proposals are dropped
   * as overloaded.
   */
  readonly uncommittedBytesMax: number;
  /** Bytes of durable entries kept in memory: for followers that are a little behind. */
  readonly logCacheBytesMax: number;
  /** ReadIndex requests waiting for a round, of all nodes together. */
  readonly readsPendingMax: number;
  /** Present only where the configuration allows lease reads (thesis §6.4.1). */
  readonly lease?: {
    /** Bound on the drift between two clocks, in thousandths: 100 is 10 %. */
    readonly clockDriftPermille: number;
    readonly marginMs: number;
  };
}
