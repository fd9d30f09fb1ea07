/**
 * What the node needs from the world. Production plugs in SQLite, gRPC and the runtime; the
 * simulator plugs in models of them. Every method is synchronous or takes a callback: promises
 * would blur the simulator's time.
 *
 * No callback throws. An adapter that cannot go on (a failed fsync, a corrupt file) throws a {@link
 * FatalStorageError} from the call, or hands it to the `onFatal` that it was made with; the program
 * then ends with that one line.
 */

import type { Envelope } from "../raft/message.ts";
import type { LogReader } from "../raft/ports.ts";
import type { LogWrite } from "../raft/ready.ts";
import type {
  BatchNumber,
  Boundary,
  Configuration,
  Entry,
  HardState,
  Index,
  LogPosition,
  NodeId,
  PositionedConfiguration,
  SnapshotMeta,
  Term,
} from "../raft/types.ts";

/**
 * Storage broke in a way that no retry may paper over (a failed fsync leaves the pages marked
 * clean).
 */
export class FatalStorageError extends Error {
  override readonly name = "FatalStorageError";
}

/** There is no room on the disk; nothing has changed, and another attempt may succeed. */
export class DiskFullError extends Error {
  override readonly name = "DiskFullError";
}

/** The log and the hard state of one node: what a custom storage backend implements. */
export interface StorageEngine {
  /** Must be truthful: false only where a power cut may lose what `persist` reported done. */
  readonly writesAreDurable: boolean;
  readonly log: LogReader;
  /**
   * What stands on disk, as facts; node/recovery.ts judges them. Read once, before the first
   * `persist`.
   */
  stored(): StoredLog;
  /**
   * Discards `from` and everything behind it, although it may be committed: only on entering
   * recovering, before the core exists. The stored commitIndex is lowered with it and `hardState`
   * replaces the stored one. Synchronous, durable on return.
   */
  discard(from: Index, hardState: HardState): void;
  /**
   * Makes one write durable, as one transaction in the order of its fields, then calls `done`;
   * perhaps inside this call. Writes finish in the order they were given. A clean "disk full" is
   * not an error: the engine keeps the write and tries again every 500 ms; to the core it is a slow
   * disk.
   */
  persist(write: LogWrite, done: () => void): void;
  space(): { readonly freeBytes: number };
  close(): void;
}

/** What a storage engine found when it was opened. */
export interface StoredLog {
  readonly hardState: HardState;
  readonly boundary: Boundary;
  /** Base first, then every configuration in the log. */
  readonly configurations: readonly PositionedConfiguration[];
  readonly batchNumber: BatchNumber;
  /**
   * raft.mark: written after each commit and before its `done`, not synced. Ahead of batchNumber:
   * data was lost.
   */
  readonly mark?: { readonly batchNumber: BatchNumber; readonly currentTerm: Term };
  /** The first entry that is missing or has a wrong checksum. */
  readonly firstBad?: Index;
  /** Hard state, boundary or a configuration has a wrong checksum. */
  readonly badMeta: boolean;
}

/** Who this data directory belongs to: identity.json. */
export interface Identity {
  readonly clusterId: string;
  readonly nodeId: NodeId;
  /** Sixteen hexadecimal digits, drawn when the directory was born. */
  readonly incarnation: string;
  /** How often the process was started on this directory, this time included. */
  readonly starts: number;
  /** How often the log was found to have lost something. */
  readonly logEpoch: number;
  /**
   * The log of this epoch is not yet known to hold again what was acknowledged before it lost
   * something.
   */
  readonly recovering: boolean;
  /** The cluster as it was born: what a node that is born later is told. Absent until then. */
  readonly birth?: Configuration;
  /**
   * The cluster has taken this directory in, and these were its members: where to find it until the
   * own store says who belongs to it. Absent at who was there at the birth, and from then on.
   */
  readonly joining?: readonly PeerAddress[];
  /** The newest start of each other member that this node has met, ascending by id. */
  readonly peerStarts?: readonly PeerStart[];
  /** Why the cluster has turned this directory away, for good. */
  readonly refused?: string;
}

/** One start of a node on its data directory, told from all others by its nonce. */
export interface PeerStart {
  readonly id: NodeId;
  readonly incarnation: string;
  readonly starts: number;
  readonly nonce: number;
}

/** Keeps the one {@link Identity} of a data directory. */
export interface IdentityStore {
  load(): Identity | undefined;
  /**
   * `done` once the file and its directory are synced; saves finish in the order of the calls.
   * Throws {@link DiskFullError} or {@link FatalStorageError}. With `dropped` the disk may be
   * waited for beside everything else, and nothing is thrown: where the save does not come about
   * `dropped` is told, with one of those errors, or with none because another save came meanwhile.
   */
  save(identity: Identity, done: () => void, dropped?: (error?: unknown) => void): void;
}

/**
 * The incarnation under which a directory without an identity asks a cluster to take it in. Only
 * the cluster can give it an id, and it must know whom it has given one: a node that ended between
 * question and answer asks again under the same.
 */
export interface CandidacyStore {
  load(): string | undefined;
  /** Synced on return. Throws {@link DiskFullError} or {@link FatalStorageError}. */
  save(incarnation: string): void;
  /** It stands in the identity from now on. */
  remove(): void;
}

/** The replicated store. `Query`, `Answer` and `Result` are its own; the node only carries them. */
export interface StateMachine<Query, Answer, Result> {
  /** Written in the same transaction as the data. */
  applied(): { readonly position: LogPosition; readonly configuration: PositionedConfiguration };
  /**
   * Applies committed entries in order: synchronous and deterministic. One result per entry; no-ops
   * and configurations move `applied` too. `full`: the disk was full, nothing since the stored
   * `applied()` is kept; hand it in again.
   */
  apply(entries: readonly Entry[]): readonly Result[] | { readonly full: true };
  read(query: Query): Answer;
  /** Commits what was applied so that no crash takes it back; compaction never passes `through`. */
  makeDurable(done: (through: LogPosition) => void): void;
  /**
   * Makes an image of what is applied, while the store goes on; one at a time. `undefined`: it
   * could not be made now (no room, another one is being made, too much was written meanwhile),
   * and another attempt may succeed.
   */
  image(done: (image: SnapshotImage | undefined) => void): void;
  /**
   * Opens a stage for an image beside the live state; one at a time, a new one aborts the old. What
   * an earlier stage for the same `meta` holds is kept, also across a restart: see its `offset`.
   * Throws {@link DiskFullError}.
   */
  stage(meta: SnapshotMeta): SnapshotStage;
  /** A finished stage that is waiting for `adopt`. */
  staged(): SnapshotMeta | undefined;
  /**
   * Switches to the finished stage: on return `applied()` is its position, and no crash takes that
   * back. Idempotent; repeated at start when the crash came before it.
   */
  adopt(): void;
  close(): void;
}

/** A finished image of the store, to be read in pieces and then released. */
export interface SnapshotImage {
  readonly meta: SnapshotMeta;
  /**
   * The bytes from `offset` on, at most `bytesMax` of them; the last ones end at `meta.bytes`. What
   * was asked for before `release` comes all the same.
   */
  read(
    where: { readonly offset: number; readonly bytesMax: number },
    done: (chunk: Uint8Array) => void,
  ): void;
  /** Nothing is read any more; its file may go. Idempotent. */
  release(): void;
}

/** An image of another node that is being received. */
export interface SnapshotStage {
  /** So many bytes from the front are held: where the next chunk goes. */
  readonly offset: number;
  /** Appends at `offset`. Throws {@link DiskFullError}; what is held may be given up then. */
  write(chunk: Uint8Array): void;
  /**
   * Calls `done` as soon as more should be written: perhaps inside this call, and later where the
   * disk is slower than what comes. Nobody is told after an `abort`.
   */
  ready(done: () => void): void;
  /**
   * Checks length and digest, and syncs; then `staged()` is it. `done("corrupt")` when the bytes
   * are not those of `meta`, `done("busy")` when the disk is full: they are gone then.
   */
  finish(done: (outcome: "staged" | "corrupt" | "busy") => void): void;
  /** Forgets what is held. Idempotent; without effect on a finished stage that was adopted. */
  abort(): void;
}

/** Where the transport finds a peer. */
export interface PeerAddress {
  readonly id: NodeId;
  /** `host:port` of the peer's rpc listener. */
  readonly address: string;
}

/**
 * Carries envelopes between nodes. May drop, delay, repeat and reorder; the core lives with all of
 * it.
 */
export interface Transport {
  /** Streams to these and no others. Whoever has opened one to this node is judged again. */
  setPeers(peers: readonly PeerAddress[]): void;
  /** Never blocks, never throws. */
  send(envelope: Envelope): void;
  onReceive(handler: (envelope: Envelope) => void): void;
  /** A stream to this peer closed, or something sent to it was dropped. */
  onUnreachable(handler: (peer: NodeId) => void): void;
  /** Asks whoever listens at `address` who they are. `undefined`: no answer. */
  hello(address: string, mine: Hello, done: (answer: HelloAnswer | undefined) => void): void;
  /**
   * Judges a Hello: of a `hello` call, and as the first frame of every stream. `standing`: what
   * another start of the same node said on a stream that is still open; it ends when this one is
   * accepted. Set before the first `setPeers`.
   */
  onHello(handler: (theirs: Hello, standing: Hello | undefined) => HelloAnswer): void;
  /** A peer has turned this node's stream away. */
  onRefused(handler: (peer: NodeId, refusal: HelloRefusal) => void): void;
  /** What this node says of itself on every stream it opens from now on. */
  setHello(make: (to: NodeId) => Hello): void;
  close(done: () => void): void;
}

/**
 * Who is speaking, and to whom: the first frame of every stream, and the question of a node that is
 * being born.
 */
export interface Hello {
  readonly clusterId: string;
  readonly from: NodeId;
  /** Whom the sender wants to reach; 0 when it only knows the address. */
  readonly to: NodeId;
  readonly incarnation: string;
  readonly logEpoch: number;
  readonly starts: number;
  /**
   * Drawn per start: equal starts with another nonce are two processes on copies of one directory.
   */
  readonly nonce: number;
  /** The newest version of the peer protocol that the sender speaks, and the oldest. */
  readonly protocolVersion: number;
  readonly protocolVersionMin: number;
  /** The newest version of commands that the sender can apply. */
  readonly dataVersion: number;
  /** For people. */
  readonly programVersion: string;
  /** Where the sender can be reached. */
  readonly addresses: { readonly rpc: string; readonly http: string; readonly clientRpc?: string };
  /** It votes for nobody else so long after it has heard of a leader, by its own clock. */
  readonly electionTimeoutMinMs: number;
  /** The ids that the sender's configuration file names, sorted; empty once it has state. */
  readonly bootstrapIds: readonly NodeId[];
}

export type HelloAnswer =
  /** `cluster`: the cluster exists already, and this was its first configuration. */
  | { readonly kind: "accepted"; readonly hello: Hello; readonly cluster?: Configuration }
  | HelloRefusal;

/** Why the asker is not listened to. */
export interface HelloRefusal {
  readonly kind: "refused";
  readonly reason: string;
  /**
   * The directory of the asker can never belong to this cluster: it must not ask again. Only a
   * member of the asker's own committed configuration is believed.
   */
  readonly final: boolean;
  /** The asker was a member, and the cluster has removed it. */
  readonly removed: boolean;
  /** Who refuses. */
  readonly by: { readonly id: NodeId; readonly incarnation: string };
}

/** Time and timers: all that the node knows of them. */
export interface Clock {
  /** Integer ms, never runs backwards, does not stop while the process is stopped. */
  monotonicMs(): number;
  wallMs(): number;
  /** Calls `run` every `intervalMs` until the returned function is called. */
  every(intervalMs: number, run: () => void): () => void;
  /**
   * Calls `run` once after the events that wait now (setImmediate): how the node takes its turns.
   */
  soon(run: () => void): void;
}
