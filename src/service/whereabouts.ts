/** Where the members are, as another node sees it: it need not lead, and need not be a member. */

import type { AskMembers } from "../node/peer_links.ts";
import type { NodeId } from "../raft/types.ts";
import type { Forwarder } from "./forwarder.ts";

/** How long a node may take to answer, ms. */
const patienceMs = 2_000;

/** Asks over the one hop of the leader proxy. */
export function whereabouts(
  { self, clusterId, forwarder }: {
    readonly self: NodeId;
    readonly clusterId: string;
    readonly forwarder: Forwarder;
  },
): AskMembers {
  return async (address, tell) => {
    const outcome = await forwarder.forward(address, {
      ...{ clusterId, from: self, requestId: `members-${self}` },
      ...{ timeoutMs: patienceMs, body: { kind: "view" } },
    });
    const answer = outcome.kind === "answered" ? outcome.answer : undefined;
    const members = answer?.kind === "view" ? answer.view.members : [];
    tell(members.flatMap(({ id, rpc }) => rpc === undefined ? [] : [{ id, address: rpc }]));
  };
}
