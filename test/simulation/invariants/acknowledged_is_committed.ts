/**
 * I9: a client is told "applied" only of what is committed (paper §5.3), with the answer that the
 * store must have given to it. At the end, when all is healed, every disk holds everything that was
 * ever committed: no acknowledged write is lost.
 */

import { formatPosition } from "../../../src/raft/format.ts";
import { incomparable } from "../../harness/kv_model_values.ts";
import { isSame } from "../../harness/same.ts";
import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";

export function acknowledgedIsCommitted({ nodes, log, witness }: Scene, broken: Broken): Invariant {
  return {
    ...unwatched,
    id: "I9",
    written: ({ node, position, result }) => {
      const told = `node ${node.id} tells that ${formatPosition(position)} is applied`;
      if (log.committed(position.index)?.term !== position.term) {
        return broken(`${told}, and it is not committed`);
      }
      const expected = witness.result(position.index);
      if (expected !== undefined && isSame(result, expected, incomparable(expected))) {
        return;
      }
      broken(`${told} with ${JSON.stringify(result)}, not ${JSON.stringify(expected)}`);
    },
    finished: () => {
      for (let index = 1; index <= log.committedIndex; index++) {
        const term = log.committed(index)?.term ?? 0;
        const lacking = nodes.find((node) => !log.holds(node, { index, term }));
        if (lacking === undefined) continue;
        return broken(`node ${lacking.id} has lost the committed entry ${index} of term ${term}`);
      }
    },
  };
}
