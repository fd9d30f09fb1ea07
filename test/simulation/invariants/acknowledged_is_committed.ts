/**
 * I9: a client is told "applied" only of what is committed (paper §5.3), with the answer that the
 * store must have given to it. What is committed stays so by I5, so no acknowledged write is lost.
 */

import { formatPosition } from "../../../src/raft/format.ts";
import { type MakeInvariant, unwatched } from "../invariant.ts";
import { isSame } from "../witness.ts";

export const acknowledgedIsCommitted: MakeInvariant = ({ log, witness }, broken) => ({
  ...unwatched,
  id: "I9",
  written: ({ node, position, result }) => {
    const told = `node ${node.id} tells that ${formatPosition(position)} is applied`;
    if (log.committed(position.index)?.term !== position.term) {
      return broken(`${told}, and it is not committed`);
    }
    const expected = witness.result(position.index);
    if (isSame(result, expected)) return;
    broken(`${told} with ${JSON.stringify(result)}, not ${JSON.stringify(expected)}`);
  },
});
