/**
 * I2, Leader Append-Only: a leader never overwrites or deletes entries of its log (paper §5.3). A
 * write may carry the truncation of the follower that it was before, together with its first entry.
 */

import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";

export function leaderAppendOnly({ log }: Scene, broken: Broken): Invariant {
  return {
    ...unwatched,
    id: "I2",
    handedOver: (node, { truncateFrom, hardState }) => {
      if (truncateFrom === undefined) return;
      const status = node.formed?.node.status();
      if (status?.role !== "leader" || hardState?.currentTerm !== status.term) return;
      const { termStart = 0, term } = status;
      const wrote = log.holds(node, { index: termStart, term });
      if (wrote || truncateFrom > termStart) {
        broken(
          `node ${node.id} leads term ${term} and deletes its entries from ${truncateFrom} on`,
        );
      }
    },
  };
}
