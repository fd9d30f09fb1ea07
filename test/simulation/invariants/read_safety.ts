/**
 * I11: a linearizable read shows everything that was committed when it was asked for (thesis §6.4),
 * and every read shows exactly the state behind what its node has applied.
 */

import { isSame } from "../../harness/same.ts";
import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";

export function readSafety({ witness }: Scene, broken: Broken): Invariant {
  return {
    ...unwatched,
    id: "I11",
    read: ({ node, query, answer, applied, committedBefore }) => {
      if (committedBefore !== undefined && applied < committedBefore) {
        return broken(
          `node ${node.id} answers a linearizable read at entry ${applied}, ` +
            `${committedBefore} was committed when it was asked`,
        );
      }
      const expected = witness.answer(query, applied);
      if (expected !== undefined && isSame(answer, expected, unsure)) return;
      broken(
        `node ${node.id} answers ${JSON.stringify(answer)} behind entry ${applied}, not ` +
          JSON.stringify(expected),
      );
    },
  };
}

/** The tag of a list is left out where finding it would cost too much, so it is not compared. */
const unsure = ["changed"];
