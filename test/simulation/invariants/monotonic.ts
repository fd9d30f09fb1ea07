/**
 * I6: what a node has committed and applied, its term, and the boundary of its log, never fall
 * while it lives (paper figure 2, volatile state). A term that was on its disk never falls at all,
 * restarts included (persistent state), as long as the log has lost nothing.
 */

import type { NodeId, Term } from "../../../src/raft/types.ts";
import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";

export function monotonic(scene: Scene, broken: Broken): Invariant {
  const durable = new Map<NodeId, { readonly term: Term; readonly logEpoch: number }>();
  return {
    ...unwatched,
    id: "I6",
    turned: (node, before, after) => {
      for (const what of ["commitIndex", "applied", "boundary", "term"] as const) {
        if (after[what] >= before[what]) continue;
        broken(`node ${node.id}: ${what} falls from ${before[what]} to ${after[what]}`);
      }
    },
    persisted: (node, { hardState }) => {
      if (hardState === undefined || scene.isImpostor(node)) return;
      const logEpoch = node.identity()?.logEpoch ?? 0;
      durable.set(node.id, { term: hardState.currentTerm, logEpoch });
    },
    formed: (node, { term }) => {
      const before = durable.get(node.id);
      if (before === undefined || scene.isImpostor(node)) return;
      if (before.logEpoch !== node.identity()?.logEpoch || before.term <= term) return;
      broken(`node ${node.id} starts in term ${term}, and had ${before.term} on its disk`);
    },
  };
}
