/** What a node reports of itself, for tests that need only a part of it. */

import type { NodeStatus } from "../../src/node/parts.ts";
import { configurationOf } from "./raft_cluster.ts";

/** Node 1 of three follows node 2; everything is applied. */
export function nodeStatus(more: Partial<NodeStatus> = {}): NodeStatus {
  const position = { index: 1, term: 1 };
  return {
    ...{ role: "follower", term: 2, votedFor: undefined, leader: 2, termStart: undefined },
    ...{ commitIndex: 7, applied: 7, stableIndex: 7, lastIndex: 7, boundary: 0 },
    configuration: { position, configuration: configurationOf({ voters: [1, 2, 3] }) },
    ...{
      configurationCommitted: true,
      recovering: false,
      needsSnapshot: false,
      hung: undefined,
      peers: [],
    },
    ...{ replayed: true, storeIsWhole: true, stalenessMs: 5 },
    ...{ pendingProposals: 0, receivedDropped: 0 },
    ...more,
  };
}
