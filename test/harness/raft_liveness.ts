/** When a cluster of cores lives again: what is demanded of it once all trouble has ended. */

import { isVoter } from "../../src/raft/configuration.ts";
import type { Index, NodeId } from "../../src/raft/types.ts";
import type { RaftNode } from "./raft_node.ts";

type Nodes = ReadonlyMap<NodeId, RaftNode>;

/** Who leads in the highest term. All nodes run. */
export function leaderOf(nodes: Nodes): RaftNode | undefined {
  let best: RaftNode | undefined;
  for (const node of nodes.values()) {
    const { role, term } = node.status;
    if (role === "leader" && term > (best?.status.term ?? 0)) best = node;
  }
  return best;
}

/**
 * The leader has committed `target` and all that it holds, no change of members is under way, and
 * every member has applied the same.
 */
export function isWhole(nodes: Nodes, leader: RaftNode, target: Index): boolean {
  const { commitIndex, lastIndex, configuration, configurationCommitted } = leader.status;
  if (commitIndex < target || commitIndex < lastIndex || !configurationCommitted) return false;
  if (configuration.configuration.outgoing !== undefined) return false;
  if (!isVoter(configuration.configuration, leader.id)) return false;
  return configuration.configuration.members.every(({ id }) => {
    const { applied, recovering } = nodes.get(id)!.status;
    return applied === commitIndex && !recovering;
  });
}

/** Where everybody stands, for messages. */
export function reportOf(nodes: Nodes): string {
  return [...nodes.values()].map(({ id, status }) =>
    `n${id} ${status.role} term=${status.term} commit=${status.commitIndex} ` +
    `last=${status.lastIndex}${status.recovering ? " recovering" : ""}`
  ).join("; ");
}
