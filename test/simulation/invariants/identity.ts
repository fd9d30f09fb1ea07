/**
 * "identity", beside I1 … I18: nobody listens to a directory that is not the cluster's: one that
 * was emptied, or an older copy (correctness, mistakes 26 and 27).
 */

import { memberOf } from "../../../src/raft/configuration.ts";
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
      if (!foreign.has(envelope)) return;
      const { from, to } = envelope;
      const committed = scene.nodes.find(({ id }) => id === to)?.machine?.applied().configuration;
      // Before it has applied that there is such a member, it cannot know whose directory is right.
      if (committed === undefined || memberOf(committed.configuration, from) === undefined) return;
      broken(`a foreign directory is heard: ${formatEnvelope(envelope)}`);
    },
  };
}
