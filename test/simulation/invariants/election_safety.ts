/**
 * I1, Election Safety: at most one leader a term, over the whole run (paper §5.2). Who leads is
 * told by what is sent: a leadership may begin and end within one turn.
 */

import type { NodeId, Term } from "../../../src/raft/types.ts";
import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";

export function electionSafety(_scene: Scene, broken: Broken): Invariant {
  const leaders = new Map<Term, NodeId>();
  const leads = (id: NodeId, term: Term): void => {
    const known = leaders.get(term);
    if (known === undefined) leaders.set(term, id);
    else if (known !== id) broken(`nodes ${known} and ${id} both lead term ${term}`);
  };
  return {
    ...unwatched,
    id: "I1",
    sent: (node, { term, message }) => {
      const { kind } = message;
      if (kind === "appendEntries" || kind === "heartbeat" || kind === "timeoutNow") {
        leads(node.id, term);
      }
    },
    turned: (node, _before, { role, term }) => {
      if (role === "leader") leads(node.id, term);
    },
  };
}
