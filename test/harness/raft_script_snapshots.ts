/** The commands of the Raft transcripts that deal with compaction and images of the store. */

import type { Directive } from "./golden.ts";
import type { RaftCluster } from "./raft_cluster.ts";
import { chunkOf, imageChunks } from "./raft_stage.ts";

interface Script {
  readonly cluster: RaftCluster;
}

/**
 * - `compact N to=I`: the store of N is durable up to I, and the log may begin behind it
 * - `image N`: N takes an image of its store as it is now
 * - `send N to=N [chunks=(0, 1, 2)]`: N sends chunks of its image, all three unless named
 * - `stage N manual|automatic`: whether a whole image is looked at at once; `staged N`: now
 */
export const snapshotCommands: Record<string, (script: Script, directive: Directive) => void> = {
  compact: ({ cluster }, directive) => {
    const node = cluster.node(directive.count("node"));
    const to = directive.integer("to");
    if (to === undefined) throw directive.error("to= is missing");
    node.compact(to, cluster.nowMs);
  },
  image: ({ cluster }, directive) => {
    const node = cluster.node(directive.count("node"));
    cluster.images.set(node.id, node.image());
  },
  send: ({ cluster }, directive) => {
    const node = cluster.node(directive.count("node"));
    const peer = directive.integer("to");
    if (peer === undefined) throw directive.error("to= is missing");
    const meta = cluster.images.get(node.id) ?? node.image();
    const chunks = directive.integers("chunks") ?? [...Array(imageChunks).keys()];
    for (const at of chunks) {
      cluster.step(node.id, { kind: "snapshotChunk", peer, chunk: chunkOf(meta, at) });
    }
  },
  stage: ({ cluster }, directive) => {
    const node = cluster.node(directive.count("node"));
    node.stageIsAutomatic = directive.word("manual or automatic") === "automatic";
  },
  staged: ({ cluster }, directive) => {
    cluster.node(directive.count("node")).finishStage(cluster.nowMs);
  },
};
