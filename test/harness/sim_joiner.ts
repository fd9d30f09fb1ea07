/** The directory of a node that joins a simulated cluster which was born without it. */

import { firstWrite } from "../../src/node/birth.ts";
import type { Configuration } from "../../src/raft/types.ts";
import type { SimNode } from "./sim_node.ts";

/**
 * What a node has on its disk that was told how the cluster was born, and nothing since. It was not
 * born with it, so it is no member until somebody makes it one. The node is down.
 */
export function prepareToJoin(
  node: SimNode,
  { birth, incarnation }: { readonly birth: Configuration; readonly incarnation: string },
): void {
  const { id: nodeId, clusterId = "c" } = node.options;
  const counters = { starts: 0, logEpoch: 1, recovering: false };
  node.restore({
    disk: {
      changes: [{ kind: "write", write: firstWrite(birth) }],
      identity: { clusterId, nodeId, incarnation, ...counters, birth },
    },
    store: node.store,
  });
}
