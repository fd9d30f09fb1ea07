/** What the services need of the node below them: small enough to fake in a test. */

import type { Answer, Query } from "../kv/query.ts";
import type { Result } from "../kv/result.ts";
import type { NodeStatus } from "../node/parts.ts";
import type { TransferOutcome } from "../node/transfers.ts";
import type { ConfigurationOutcome } from "../node/configuration_changes.ts";
import type { ProposeOutcome } from "../node/pending.ts";
import type { ReadOutcome } from "../node/readers.ts";
import type { Leadership } from "../raft/ready.ts";
import type { ConfigurationChange, Index, LogPosition, NodeId } from "../raft/types.ts";

/** The node, as the services see it; RaftNode is one. */
export interface ServedNode {
  propose(
    data: Uint8Array,
    deadlineMs: number,
    settle: (outcome: ProposeOutcome<Result>) => void,
  ): void;
  /** The returned function takes the wish back: `settle` is not called then. */
  readIndex(deadlineMs: number, settle: (outcome: ReadOutcome) => void): () => void;
  readNow(query: Query): Answer | undefined;
  transferLeadership(
    target: NodeId | undefined,
    deadlineMs: number,
    settle: (outcome: TransferOutcome) => void,
  ): void;
  changeConfiguration(
    change: ConfigurationChange,
    expected: LogPosition,
    deadlineMs: number,
    settle: (outcome: ConfigurationOutcome) => void,
  ): void;
  /** The log is compacted soon; false where it never is. */
  requestCompaction(): boolean;
  status(): NodeStatus;
  stalenessMs(): number;
  /** What a store must have applied to be read under a lease now; undefined: there is no lease. */
  leaseIndex(nowMs: number): Index | undefined;
  /** Cluster time now; undefined where this node does not lead. */
  clusterTimeMs(): number | undefined;
  onLeadership(handler: (leadership: Leadership) => void): () => void;
  onApplied(handler: () => void): () => void;
}
