/**
 * I4, Leader Completeness: what is committed in a term is in the log of every leader of a later one
 * (paper §5.4). Looked at when a leader writes its first entry: all that came before it is then on
 * its disk or in that write. Only the last committed entry is compared, the rest follows by I3.
 */

import type { LogWrite } from "../../../src/raft/ready.ts";
import type { Index, Term } from "../../../src/raft/types.ts";
import { formatPosition } from "../../../src/raft/format.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";

export function leaderCompleteness({ log }: Scene, broken: Broken): Invariant {
  return {
    ...unwatched,
    id: "I4",
    handedOver: (node, write) => {
      const noop = write.entries.find(({ kind, term }) =>
        kind === "noop" && term === write.hardState?.currentTerm
      );
      const status = node.formed?.node.status();
      if (noop === undefined || status === undefined) return;
      if (status.termStart !== noop.index || status.term !== noop.term) return;
      const last = log.committedBefore(status.term);
      if (last === undefined || termAfter(node, write, last.index) === last.term) return;
      // What is compacted was committed.
      if (last.index < node.disk.log.outline.boundary.position.index) return;
      broken(
        `node ${node.id} leads term ${status.term} without the committed ${formatPosition(last)}`,
      );
    },
  };
}

/** The term at an index of the log, once the write is in it. */
function termAfter(node: SimNode, write: LogWrite, index: Index): Term | undefined {
  const { entries, truncateFrom = Infinity } = write;
  const written = entries.find((entry) => entry.index === index);
  if (written !== undefined) return written.term;
  return index < truncateFrom ? node.disk.log.outline.term(index) : undefined;
}
