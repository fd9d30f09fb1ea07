/**
 * I18: what takes the place of the beginning of a log is what was committed up to there (paper §7):
 * the position, the time and the configuration that counts there. And who has become an image is in
 * the state that all others were in at that entry.
 */

import { formatConfiguration, formatPosition } from "../../../src/raft/format.ts";
import type { Boundary, Index } from "../../../src/raft/types.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";

export function snapshotSafety({ log, witness }: Scene, broken: Broken): Invariant {
  /** Nodes that are to become an image, and of which entry. */
  const installing = new Map<SimNode, Index>();
  const judge = (node: SimNode, boundary: Boundary): void => {
    const { position, timeMs, configuration: { position: at, configuration } } = boundary;
    const what = `node ${node.id} begins its log behind ${formatPosition(position)}`;
    const committed = log.committed(position.index);
    if (committed?.term !== position.term || committed.timeMs !== timeMs) {
      const there = committed === undefined ? "nothing" : formatPosition(committed);
      return broken(`${what} at ${timeMs}, committed there is ${there} at ${committed?.timeMs}`);
    }
    const expected = log.configurationAt(position.index);
    const isSame = expected !== undefined && at.index === expected.position.index &&
      formatConfiguration(configuration) === formatConfiguration(expected.configuration);
    if (isSame) return;
    broken(`${what} with the configuration ${formatConfiguration(configuration)} of ${at.index}`);
  };
  return {
    ...unwatched,
    id: "I18",
    persisted: (node, { snapshot, compactTo }) => {
      if (compactTo !== undefined) judge(node, compactTo);
      if (snapshot === undefined) return;
      judge(node, snapshot);
      installing.set(node, snapshot.position.index);
    },
    turned: (node) => {
      const index = installing.get(node);
      const status = index === undefined ? undefined : node.machine?.status();
      if (index === undefined || status === undefined || status.applied.index < index) return;
      installing.delete(node);
      const { applied, revision, oldest } = status;
      const expected = witness.view(applied.index);
      if (expected?.revision === revision && expected.oldest === oldest) return;
      broken(
        `node ${node.id} has become an image at revision ${revision}, readable from ${oldest}, ` +
          `of entry ${applied.index}, not ${expected?.revision} from ${expected?.oldest}`,
      );
    },
  };
}
