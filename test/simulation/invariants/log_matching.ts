/**
 * I3, Log Matching: two logs that hold an entry of the same index and term are equal up to it
 * (paper §5.3). By induction over neighbours: equal entries, and before them entries of equal term.
 * Cluster time never falls along a log (src/raft/mod.ts).
 */

import { formatPosition } from "../../../src/raft/format.ts";
import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";

export function logMatching({ log }: Scene, broken: Broken): Invariant {
  return {
    ...unwatched,
    id: "I3",
    persisted: (node, { entries }) => {
      const { outline } = node.disk.log;
      for (const entry of entries) {
        const at = `node ${node.id} holds ${formatPosition(entry)}`;
        const before = outline.term(entry.index - 1) ?? 0;
        const known = log.note(entry, before);
        if (known !== undefined && known.entry.crc32c !== entry.crc32c) {
          broken(`${at} with other contents than others do`);
        }
        if (known !== undefined && known.before !== before) {
          broken(`${at} behind an entry of term ${before}, others behind one of ${known.before}`);
        }
        const neighbour = log.entry({ index: entry.index - 1, term: before })?.entry;
        if (neighbour !== undefined && neighbour.timeMs > entry.timeMs) {
          broken(`${at} at ${entry.timeMs}, behind ${neighbour.timeMs}: cluster time falls`);
        }
      }
    },
  };
}
