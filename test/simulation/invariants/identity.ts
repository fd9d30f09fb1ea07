/**
 * "identity", beside I1 … I16: nobody listens to a directory that is not the cluster's: one that
 * was emptied, or an older copy (correctness, mistakes 26 and 27).
 */

import type { Envelope } from "../../../src/raft/message.ts";
import { formatEnvelope } from "../../../src/raft/format.ts";
import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";

export function identity(scene: Scene, broken: Broken): Invariant {
  const foreign = new WeakSet<Envelope>();
  return {
    ...unwatched,
    id: "identity",
    sent: (node, envelope) => {
      if (scene.isImpostor(node)) foreign.add(envelope);
    },
    delivered: (envelope) => {
      if (foreign.has(envelope)) {
        broken(`a foreign directory is heard: ${formatEnvelope(envelope)}`);
      }
    },
  };
}
