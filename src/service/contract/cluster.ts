/** The cluster itself: who belongs to it, who leads it, how it is. */

import type { Revision } from "../../kv/record.ts";
import type { NodeId, Role, Term } from "../../raft/types.ts";
import type { MemberPlace, MemberView } from "./members.ts";
import type { MembershipAnswer, MembershipRequest } from "./membership.ts";
import type { RequestOptions } from "./requests.ts";

/** The configuration that is committed, as far as is known: its index stands for its members. */
export interface ConfigurationView {
  readonly index: number;
  readonly joint: boolean;
  /** Where the node's log holds a newer one. */
  readonly pending?: PendingConfiguration;
}

/**
 * A configuration that is not known to be committed. It may be taken back, and decides already: its
 * voters, and where it is joint those before it as well, have to agree to whatever comes.
 */
export interface PendingConfiguration {
  readonly index: number;
  readonly joint: boolean;
  /** Ascending. */
  readonly voters: readonly NodeId[];
}

/** What of a cluster changes seldom: who leads it, and who belongs to it. */
export interface ClusterOutline {
  readonly term: Term;
  readonly leader: NodeId | undefined;
  /** Of the newest configuration that is committed, as far as this node has applied. */
  readonly members: readonly MemberPlace[];
  readonly configuration: ConfigurationView;
}

/** What a reader of the cluster's changes gets. */
export type ClusterFrame =
  /** What it is now, and in which respect that is not what was told last. */
  | {
    readonly kind: "changed";
    readonly outline: ClusterOutline;
    readonly leadership: boolean;
    readonly members: boolean;
    /** The configuration that is not committed yet. */
    readonly pending: boolean;
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
  readonly configuration: ConfigurationView;
  readonly commitIndex: number;
  readonly applied: number;
  readonly lastIndex: number;
  readonly revision: Revision;
  /**
   * The version of commands that the cluster uses, as far as this node has applied; undefined where
   * it serves no cluster.
   */
  readonly dataVersion: number | undefined;
}

/** From where to where this node's log reaches, and how far its store has come. */
export interface LogReach {
  /** The log begins behind this index. */
  readonly boundary: number;
  readonly applied: number;
  readonly lastIndex: number;
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
  /**
   * Adds, replaces, removes a member, or changes what it may decide; any node takes it. Resolves
   * once the last configuration of the change is in force.
   */
  changeMembers(request: MembershipRequest, options: RequestOptions): Promise<MembershipAnswer>;
  /**
   * This node compacts its log soon, whatever its configuration says of when. Throws a conflict
   * where the log is the only copy of what the store holds.
   */
  compactLog(): LogReach;
  /** Formed, recovered, replayed, the disk moves, a leader known: the checks behind /readyz. */
  readiness(): readonly Check[];
  /** Of the view what changes seldom, as this node knows it itself. */
  outline(): ClusterOutline;
  onLeadership(handler: () => void): () => void;
  /** The members of the outline are others, or their configuration or what is pending is. */
  onMembership(handler: () => void): () => void;
}
