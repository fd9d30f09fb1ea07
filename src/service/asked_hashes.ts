/** What another member's store holds, as hashes of its state: each answers for its own alone. */

import type { NodeId } from "../raft/types.ts";
import type { Forwarder } from "./forwarder.ts";
import type { AskHashes } from "./state_comparison.ts";

/** How long a member may take to answer, ms. */
const patienceMs = 2_000;

/** Asks over the one hop of the leader proxy. */
export function askedHashes(
  { self, clusterId, forwarder }: {
    readonly self: NodeId;
    readonly clusterId: string;
    readonly forwarder: Forwarder;
  },
): AskHashes {
  let asked = 0;
  return async (address, { signal, tell }) => {
    const outcome = await forwarder.forward(address, {
      ...{ clusterId, from: self, requestId: `state-${self}-${++asked}` },
      ...{ timeoutMs: patienceMs, body: { kind: "stateHashes" } },
    }, signal);
    const answer = outcome.kind === "answered" ? outcome.answer : undefined;
    tell(answer?.kind === "stateHashes" ? answer.hashes : []);
  };
}
