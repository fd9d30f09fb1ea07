/**
 * What clients can ask of one node, whatever protocol they speak: the boundary that http/ and grpc/
 * stand on. The implementations are kv_service.ts and cluster_service.ts. All failures are thrown
 * as ServiceError.
 */

import type { Idempotency, Operation } from "../kv/command.ts";
import type { Answer, ChangeEvent, Query, RangeQuery, RevisionChanges } from "../kv/query.ts";
import type { KeyRange, KvRecord, Revision } from "../kv/record.ts";
import type { Result } from "../kv/result.ts";
import type { NodeId, Role, Suffrage, Term } from "../raft/types.ts";
import type { ServiceError } from "./errors.ts";

export type { Answer, Idempotency, KvRecord, NodeId, Operation, Query, Result, Revision };
export type { Conditions, Delete, KeyTarget, Put } from "../kv/command.ts";
export type {
  ChangeEvent,
  GetQuery,
  LeaseKeysPage,
  RangeQuery,
  RevisionChanges,
} from "../kv/query.ts";
export { changesPerRevisionMax, keyBytesMax, valueBytesMax } from "../kv/record.ts";

/**
 * From strongest to weakest. A level that the configuration does not allow is served by the next
 * stronger one.
 */
export type ReadLevel = "linearizable" | "lease" | "eventual";

/** What every request says of itself. */
export interface RequestOptions {
  /** How long the caller waits, ms from now. */
  readonly timeoutMs: number;
  readonly requestId: string;
  /** Aborted when the client is gone: nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

/** Keys and values that one answer holds, bytes, unless the configuration says otherwise. */
export const answerBytesMax = 16 * 1024 * 1024;

/** How fresh a read has to be. */
export interface ReadOptions extends RequestOptions {
  readonly level: ReadLevel;
  /** Wait until this node has applied that revision. */
  readonly minRevision?: Revision;
  /** Refuse with `too_stale` beyond this (see Header.stalenessMs). */
  readonly maxStalenessMs?: number;
}

/** How a write is asked for. */
export interface WriteOptions extends RequestOptions {
  readonly idempotency?: Idempotency;
}

/** Stands on every answer that comes from the store. */
export interface Header {
  /** Of a write: its own; else the store's revision that the answer reflects. */
  readonly revision: Revision;
  readonly servedBy: NodeId;
  readonly leader: NodeId | undefined;
  readonly clusterId: string;
  /** Of a write that this node handed on to the leader: the answer is the leader's. */
  readonly forwarded?: true;
  /** The level really used; absent on writes. */
  readonly level?: ReadLevel;
  /**
   * On reads below linearizable: how far behind the leader this node may be; infinite when unknown.
   */
  readonly stalenessMs?: number;
}

/** The keys and values of the cluster, asked through this node. */
export interface KvService {
  /**
   * All records of a get or none: where they have more bytes than its `bytesMax`, the refusal is
   * `range_too_large`.
   */
  read(
    query: Query,
    options: ReadOptions,
  ): Promise<{ readonly answer: Answer; readonly header: Header }>;
  /**
   * Forwards to the leader where this node is not it. Resolves with what apply decided, a failed
   * condition included.
   */
  write(
    operation: Operation,
    options: WriteOptions,
  ): Promise<{ readonly result: Result; readonly header: Header }>;
  /** The header of an answer that needs no read (a refusal). */
  header(): Header;
}

/** What is to be watched. */
export interface WatchRequest {
  readonly target:
    | { readonly kind: "key"; readonly key: Uint8Array }
    | ({ readonly kind: "range" } & KeyRange);
  /** Everything behind this revision; when absent, behind what is now. */
  readonly after?: Revision;
  /** Each change comes with the record before it. */
  readonly prev: boolean;
  /** Nothing but changes of this kind. */
  readonly only?: ChangeEvent["kind"];
}

/** What a reader gets. */
export type WatchFrame =
  /** What one revision did, or a part of that; a part is followed by the rest. */
  | { readonly kind: "changes"; readonly changes: RevisionChanges }
  /** Nothing behind this revision has happened yet, or in the given time. */
  | { readonly kind: "progress"; readonly revision: Revision }
  /** What was taken ends at `at`, far behind where the store is. Told once. */
  | { readonly kind: "lagging"; readonly at: Revision; readonly revision: Revision }
  /** The end: what was asked for is given up. */
  | { readonly kind: "compacted"; readonly oldest: Revision }
  /** The end: the node shuts down, or the watch is closed. */
  | { readonly kind: "closing" };

/** A watch that is open: for one reader, who closes it. */
export interface OpenWatch {
  /** Where it began. */
  readonly after: Revision;
  /** What comes next; after `ms` without anything how far it has come. */
  next(
    patience: { readonly ms: number; readonly signal?: AbortSignal | undefined },
  ): Promise<WatchFrame>;
  /** What is there already; undefined where {@link next} would have to look or to wait. */
  nextAhead(): WatchFrame | undefined;
  close(): void;
}

/** What watches see of the store at their beginning. */
export interface WatchOpening {
  readonly watch: OpenWatch;
  readonly header: Header;
  /** The oldest revision that can be read. */
  readonly oldest: Revision;
}

/** What happens to keys and to the cluster, as it happens, asked through this node. */
export interface WatchService {
  /**
   * `revision_compacted` where the asked beginning is given up, `too_many_watches` above the limit.
   */
  watch(request: WatchRequest, options: RequestOptions): Promise<WatchOpening>;
  /** `too_many_watches` above the limit, which is that of all watches together. */
  watchCluster(): OpenClusterWatch;
}

/** A range of keys that is to be read as a whole. */
export interface RangeStreamRequest
  extends Omit<RangeQuery, "kind" | "limit" | "bytesMax" | "countOnly"> {
  /** Records and folders altogether; all of them when absent. */
  readonly limit?: number;
}

/** Some records and folders of a range. */
export type RangeSlice = Extract<Answer, { readonly kind: "range" }>;

/** A range at one revision, which this node keeps readable: for one reader, who closes it. */
export interface OpenRange {
  readonly revision: Revision;
  /**
   * What comes next; undefined at the end. Throws `timeout` where the range has been open for too
   * long, `draining` where the node shuts down, and what a read may throw.
   */
  next(): Promise<RangeSlice | undefined>;
  close(): void;
}

/** Ranges of any length, each at one revision, asked through this node. */
export interface RangeStreamService {
  /**
   * `overloaded` where too many are open, `revision_compacted` where the asked revision is given
   * up.
   */
  open(
    request: RangeStreamRequest,
    options: ReadOptions,
  ): Promise<{ readonly range: OpenRange; readonly header: Header }>;
}

/** What whoever holds a lease is told. */
export type HoldFrame =
  /** It has its whole time again. */
  | { readonly kind: "held"; readonly ttlMs: number }
  /** Nothing has happened in the given time. `remainingMs`: so long it lives at least. */
  | { readonly kind: "holding"; readonly remainingMs: number }
  /** It could not be kept alive now; that is tried again. */
  | { readonly kind: "failing"; readonly error: ServiceError; readonly remainingMs: number }
  /** The end: whoever wants to go on holding it has to ask anew. */
  | { readonly kind: "renew"; readonly ttlMs: number; readonly remainingMs: number }
  /** The end: it is gone, or could not be kept alive in all its time. */
  | { readonly kind: "lost"; readonly error: ServiceError }
  /** The end: the node shuts down, or the hold is closed. */
  | { readonly kind: "closing" };

/** A lease that is kept alive as long as its one reader asks for what comes next. */
export interface OpenHold {
  readonly ttlMs: number;
  /** At the latest after `ms`, or what one keepalive takes. */
  next(patience: { readonly ms: number }): Promise<HoldFrame>;
  /** The lease lives on for what is left of its time. */
  close(): void;
  /** Ends the lease, if that can be done now. */
  revoke(): Promise<void>;
}

/** Leases that live as long as somebody is there, asked through this node. */
export interface LeaseHoldService {
  /**
   * With a first keepalive: `lease_not_found` where there is no such lease, `overloaded` where too
   * many are held.
   */
  hold(
    lease: string,
    options: RequestOptions,
  ): Promise<{ readonly hold: OpenHold; readonly header: Header }>;
}

/** Where a member is, and what it may decide. */
export interface MemberPlace {
  readonly id: NodeId;
  readonly suffrage: Suffrage;
  readonly http: string | undefined;
  readonly rpc: string | undefined;
  readonly clientRpc: string | undefined;
}

/** What of a cluster changes seldom: who leads it, and who belongs to it. */
export interface ClusterOutline {
  readonly term: Term;
  readonly leader: NodeId | undefined;
  /** Of the newest configuration that is committed, as far as this node has applied. */
  readonly members: readonly MemberPlace[];
  readonly configuration: { readonly index: number; readonly joint: boolean };
}

/** What a reader of the cluster's changes gets. */
export type ClusterFrame =
  /** What it is now, and in which respect that is not what was told last. */
  | {
    readonly kind: "changed";
    readonly outline: ClusterOutline;
    readonly leadership: boolean;
    readonly members: boolean;
  }
  /** Nothing has changed in the given time. */
  | { readonly kind: "quiet" }
  /** The end: the node shuts down, or the watch is closed. */
  | { readonly kind: "closing" };

/**
 * Changes of the cluster, for one reader, who closes it. Who reads slowly is told what is, not all
 * that was meanwhile.
 */
export interface OpenClusterWatch {
  /** As it was at the beginning. */
  readonly outline: ClusterOutline;
  next(
    patience: { readonly ms: number; readonly signal?: AbortSignal | undefined },
  ): Promise<ClusterFrame>;
  close(): void;
}

/** A member as this node sees it. */
export interface MemberView extends MemberPlace {
  /** Undefined where the leader has not heard the node, and for other nodes on a follower. */
  readonly role: Role | undefined;
  /** What only the leader knows is undefined elsewhere. */
  readonly match: number | undefined;
  readonly applied: number | undefined;
  readonly lagMs: number | undefined;
  readonly healthy: boolean | undefined;
  readonly version: string | undefined;
}

/** The cluster as this node sees it. */
export interface ClusterView {
  readonly clusterId: string;
  readonly nodeId: NodeId;
  readonly term: Term;
  readonly role: Role;
  readonly leader: NodeId | undefined;
  /** The leader's own no-op is committed; undefined where the leader was not asked. */
  readonly leaderReady: boolean | undefined;
  readonly members: readonly MemberView[];
  readonly configuration: { readonly index: number; readonly joint: boolean };
  readonly commitIndex: number;
  readonly applied: number;
  readonly lastIndex: number;
  readonly revision: Revision;
}

/** One of the conditions behind /readyz. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** The cluster itself, asked through this node. */
export interface ClusterService {
  view(): ClusterView;
  /**
   * Asks the leader when this node is not it, so that match and lag are there; falls back on the
   * own view.
   */
  fullView(options: RequestOptions): Promise<ClusterView>;
  /** Resolves with the new leader once it leads; any node takes it. */
  transferLeadership(
    target: NodeId | undefined,
    options: RequestOptions,
  ): Promise<{ readonly leader: NodeId }>;
  /** Formed, recovered, replayed, the disk moves, a leader known: the checks behind /readyz. */
  readiness(): readonly Check[];
  /** Of the view what changes seldom, as this node knows it itself. */
  outline(): ClusterOutline;
  onLeadership(handler: () => void): () => void;
  /** The members of the outline are others, or their configuration is. */
  onMembership(handler: () => void): () => void;
}

/** Which program this is and what it runs on. */
export interface VersionView {
  readonly version: string;
  readonly commit: string;
  readonly runtime: string;
  readonly runtimeVersion: string;
  readonly sqlite: string;
  readonly protocolVersion: number;
}
