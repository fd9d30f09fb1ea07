/**
 * I14: what a node holds and sends stays within its limits: proposals that wait, the size of one
 * AppendEntries, how far a leader runs ahead of what a peer has acknowledged.
 */

import { type MakeInvariant, unwatched } from "../invariant.ts";

export interface Bounds {
  readonly appendBytesMax: number;
  readonly requestsWaitingMax: number;
}

/** The limits are those of the nodes' configuration. */
export function resourceBounds(bounds: Bounds): MakeInvariant {
  return (_scene, broken) => ({
    ...unwatched,
    id: "I14",
    sent: (node, { message }) => {
      if (message.kind !== "appendEntries" || message.entries.length < 2) return;
      const bytes = message.entries.reduce((sum, { data }) => sum + data.length, 0);
      if (bytes <= bounds.appendBytesMax) return;
      broken(`node ${node.id} sends ${bytes} bytes of entries at once`);
    },
    rested: (node, { pendingProposals, lastIndex, applied }) => {
      // What is not in the log yet waits at the door; what is in it waits to be applied.
      if (pendingProposals <= bounds.requestsWaitingMax + lastIndex - applied) return;
      broken(`node ${node.id} holds ${pendingProposals} proposals`);
    },
  });
}
