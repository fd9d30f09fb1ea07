/** What this node is in its cluster, as far as its own store has come. */

import { memberOf, wasRemoved } from "../raft/configuration.ts";
import type { Envelope } from "../raft/message.ts";
import { type NodeId, originPosition, type PositionedConfiguration } from "../raft/types.ts";
import type { Identity } from "./ports.ts";

/**
 * `joining`: the cluster has taken it in, and what it has applied is from before that; its store
 * shows a past in which it was not there. `removed`: for good, ids are never reused.
 */
export type Place = "joining" | "member" | "removed";

/**
 * What a member answers to a request for votes of a node that was removed: it stops asking. Its
 * core is told in these words as well where nobody listens to its requests any more.
 */
export function notMemberAnswer(nodeId: NodeId): Envelope {
  const message = { kind: "preVoteReply", requestedTerm: 0, voteGranted: false } as const;
  return {
    // From nobody: epochs and terms of members are no matter of it.
    ...{ from: 0, to: nodeId, fromEpoch: 0, toEpoch: 0, term: 0 },
    message: { ...message, notMember: originPosition },
  };
}

/** A store that has applied nothing yet stands at the birth. */
export function placeOf(
  { nodeId, birth }: Pick<Identity, "nodeId" | "birth">,
  applied: PositionedConfiguration,
): Place {
  const configuration = applied.position.index > 0 ? applied.configuration : birth;
  if (configuration === undefined) return "joining";
  if (memberOf(configuration, nodeId) !== undefined) return "member";
  return wasRemoved(configuration, nodeId) ? "removed" : "joining";
}
