/**
 * I19: members that compare their states in the background (docs/decisions/0021) find them equal,
 * whoever crashes, leads, or has become an image meanwhile. A difference where there is none would
 * end healthy nodes. That the states are equal is for I5 to say.
 */

import { formatPosition } from "../../../src/raft/format.ts";
import { differenceText } from "../../../src/service/state_comparison.ts";
import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";

export function stateComparison({ log }: Scene, broken: Broken): Invariant {
  return {
    ...unwatched,
    id: "I19",
    compared: (node, verdict) => {
      const told = `node ${node.id} compares its state with that of others`;
      switch (verdict.kind) {
        case "notCompared":
        case "alone":
          return;
        case "equal": {
          const { position } = verdict;
          // Two who have lost their stores have nothing in common but the beginning.
          if (position.index === 0) return;
          if (log.committed(position.index)?.term === position.term) return;
          return broken(`${told} at ${formatPosition(position)}, which is not committed`);
        }
        case "differing":
        case "damaged":
          return broken(`${told}: ${differenceText(verdict)}`);
      }
    },
  };
}
