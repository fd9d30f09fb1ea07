/**
 * I7: a node votes once a term, whatever happens to it (paper §5.2), and what it tells of its vote
 * is on its disk by then. A candidate's request tells of its vote for itself.
 */

import type { NodeId, Term } from "../../../src/raft/types.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";

export function durableVote(scene: Scene, broken: Broken): Invariant {
  const votes = new Map<string, NodeId>();
  const voted = (node: SimNode, term: Term, candidate: NodeId): void => {
    const key = `${node.id}/${term}`;
    const known = votes.get(key);
    if (known === undefined) votes.set(key, candidate);
    else if (known !== candidate) {
      broken(`node ${node.id} votes for ${known} and for ${candidate} in term ${term}`);
    }
    const { currentTerm, votedFor } = node.disk.log.outline.hardState;
    if (currentTerm === term && votedFor === candidate) return;
    broken(
      `node ${node.id} tells a vote for ${candidate} in term ${term}, on its disk is one for ` +
        `${votedFor} in ${currentTerm}`,
    );
  };
  return {
    ...unwatched,
    id: "I7",
    sent: (node, { to, term, message }) => {
      if (scene.isImpostor(node)) return;
      if (message.kind === "requestVote") voted(node, term, node.id);
      if (message.kind === "requestVoteReply" && message.voteGranted) voted(node, term, to);
    },
  };
}
