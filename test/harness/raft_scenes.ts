/** The situations of the paper's figures, and others that several tests begin with. */

import type { Term } from "../../src/raft/types.ts";
import { RaftCluster } from "./raft_cluster.ts";

interface DivergedFollower {
  readonly name: string;
  readonly terms: readonly Term[];
  /** Terms of its log that the leader's log does not hold, or holds for fewer entries. */
  readonly divergentTerms: number;
}

/** Figure 7: the leader of term 8, and what its followers may look like. */
export const figure7 = {
  leader: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
  followers: [
    { name: "a", terms: [1, 1, 1, 4, 4, 5, 5, 6, 6], divergentTerms: 0 },
    { name: "b", terms: [1, 1, 1, 4], divergentTerms: 0 },
    { name: "c", terms: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6], divergentTerms: 1 },
    { name: "d", terms: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], divergentTerms: 1 },
    { name: "e", terms: [1, 1, 1, 4, 4, 4, 4], divergentTerms: 1 },
    { name: "f", terms: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], divergentTerms: 2 },
  ] satisfies readonly DivergedFollower[],
  /**
   * Three voters: node 1 with the leader's log, node 2 with the follower's, node 3 with an empty
   * one, so that the leader has a quorum whatever node 2 thinks of it. Entry 1 is the first
   * configuration, so every index is one higher than in the figure.
   */
  cluster({ terms }: { readonly terms: readonly Term[] }): RaftCluster {
    const cluster = new RaftCluster({ voters: [1, 2, 3] });
    cluster.restore(1, { terms: figure7.leader, term: 7 });
    cluster.restore(2, { terms, term: 7 });
    return cluster;
  },
};

/**
 * Figure 8 (c): S1 led term 2 and replicated 2@2 to S2, S5 led term 3 and kept its entry 2@3 for
 * itself. Now S1 leads term 4, knows that S2 holds 2@2, and has replicated it to S3: a majority.
 * Its own no-op 3@4 is on S1 and S2 only; on its way to S3 it is lost.
 */
export function figure8(): RaftCluster {
  const cluster = new RaftCluster({ voters: [1, 2, 3, 4, 5], options: { appendBytesMax: 1 } });
  cluster.restore(1, { terms: [2], term: 3 });
  cluster.restore(2, { terms: [2], term: 3 });
  cluster.restore(3, { terms: [], term: 3 });
  cluster.restore(4, { terms: [], term: 3 });
  cluster.restore(5, { terms: [3], term: 3 });
  for (const id of [4, 5]) cluster.crash(id);
  cluster.campaign(1);
  for (const kind of ["preVote", "preVoteReply", "requestVote", "requestVoteReply"] as const) {
    for (const envelope of cluster.network.take({ kind })) cluster.deliver(envelope);
  }
  // S2 has 2@2 and takes 3@4. S3 refuses the probe behind 2@2; the next one carries 2@2 alone.
  const pass = (from: number, to: number): void => {
    for (const envelope of cluster.network.take({ from, to })) cluster.deliver(envelope);
  };
  for (const peer of [2, 3, 3]) {
    pass(1, peer);
    pass(peer, 1);
  }
  cluster.network.take({});
  return cluster;
}

/** Node 1 holds 1@1 2@2 3@2, applied, and has compacted all of it. */
export function compactedCluster(): RaftCluster {
  const cluster = new RaftCluster({ voters: [1, 2, 3] });
  cluster.restore(1, { terms: [2, 2], term: 2, commitIndex: 3 });
  cluster.step(1, { kind: "compact", to: 3 });
  return cluster;
}
