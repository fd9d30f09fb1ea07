/**
 * I14: what a node holds and sends stays within its limits: proposals that wait, the size of one
 * AppendEntries, how far a leader runs ahead of what a peer has acknowledged. And messages must not
 * multiply: answers that each cause more than one question, on a network that repeats some, have no
 * end.
 */

import { type Broken, type MakeInvariant, type Scene, unwatched } from "../invariant.ts";

export interface Bounds {
  readonly appendBytesMax: number;
  readonly requestsWaitingMax: number;
}

/**
 * Messages delivered to all nodes within {@link windowUs} of virtual time. Where followers catch up
 * by small appends, on the fastest network there is, and nothing multiplies, it is a third of that.
 */
const messagesMax = 60_000;
const windowUs = 250_000;

/** The limits are those of the nodes' configuration. */
export function resourceBounds(bounds: Bounds): MakeInvariant {
  return (scene, broken) => ({
    ...unwatched,
    id: "I14",
    delivered: countMessages(scene, broken),
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

function countMessages(scene: Scene, broken: Broken): () => void {
  let [window, messages] = [0, 0];
  return () => {
    const now = Math.floor(scene.nowUs / windowUs);
    if (now !== window) [window, messages] = [now, 0];
    messages++;
    if (messages > messagesMax) broken(`${messages} messages arrive within ${windowUs} µs`);
  };
}
