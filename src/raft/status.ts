/** A report on the core, for people, metrics and tests. Nothing decides by it. */

import type { Progress, ProgressMode } from "./progress.ts";
import type { SnapshotPeers } from "./snapshot_peers.ts";
import type { RaftState } from "./state.ts";
import type { Index, NodeId, PositionedConfiguration, Role, Term } from "./types.ts";

/** What a leader knows of one peer. */
export interface PeerStatus {
  readonly id: NodeId;
  readonly mode: ProgressMode;
  readonly match: Index;
  readonly next: Index;
  /** What the peer's store has applied, as of its last answer to a heartbeat. */
  readonly applied: Index;
  /** When the peer was heard last, in the core's ms. */
  readonly heardMs: number;
  /** It has said something to this leader; before that `heardMs` is the leader's election. */
  readonly hasAnswered: boolean;
  /** Only an image of the store helps it. */
  readonly wantsSnapshot: boolean;
}

/** What a node knows of itself. */
export interface RaftStatus {
  readonly role: Role;
  readonly term: Term;
  readonly votedFor: NodeId | undefined;
  readonly leader: NodeId | undefined;
  readonly commitIndex: Index;
  readonly applied: Index;
  readonly stableIndex: Index;
  readonly lastIndex: Index;
  readonly boundary: Index;
  readonly configuration: PositionedConfiguration;
  /** The configuration in effect is committed. */
  readonly configurationCommitted: boolean;
  readonly recovering: boolean;
  readonly needsSnapshot: boolean;
  /** The disk, or the store, has not finished anything for as long as a leader may take. */
  readonly hung: "diskHung" | "applyHung" | undefined;
  /** On a leader: the index of its no-op. */
  readonly termStart: Index | undefined;
  /** On a leader: its peers. */
  readonly peers: readonly PeerStatus[];
}

/** Gathers the report. */
export function statusOf(state: RaftState, role: {
  readonly role: Role;
  readonly leader: NodeId | undefined;
  readonly termStart: Index | undefined;
  readonly progress: ReadonlyMap<NodeId, Progress> | undefined;
  readonly snapshotPeers: SnapshotPeers | undefined;
}): RaftStatus {
  const { log, effective } = state;
  const peers: PeerStatus[] = [];
  for (const [id, progress] of role.progress ?? []) {
    const { mode, match, next, appliedIndex: applied, heardMs, hasAnswered } = progress;
    const wantsSnapshot = role.snapshotPeers?.has(id) ?? false;
    peers.push({ id, mode, match, next, applied, heardMs, hasAnswered, wantsSnapshot });
  }
  return {
    role: role.role,
    term: state.currentTerm,
    votedFor: state.votedFor,
    leader: role.leader,
    commitIndex: log.commitIndex,
    applied: log.applied,
    stableIndex: log.stableIndex,
    lastIndex: log.lastIndex,
    boundary: log.boundary.position.index,
    configuration: effective,
    configurationCommitted: effective.position.index <= log.commitIndex,
    recovering: state.recovering,
    needsSnapshot: state.needsSnapshot(),
    hung: state.hungReason(),
    termStart: role.termStart,
    peers,
  };
}
