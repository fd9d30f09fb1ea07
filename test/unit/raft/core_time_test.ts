/** Cluster time: stamped by leaders, without any clock of the world (Entry.timeMs). */

import { RaftCluster } from "../../harness/raft_cluster.ts";
import { assert, describe, it } from "../../harness/test.ts";

function times(cluster: RaftCluster, id: number): readonly number[] {
  return cluster.node(id).disk.entriesHeld.map(({ timeMs }) => timeMs);
}

describe("Cluster time", () => {
  it("begins at 0 and runs with the leader's own monotonic time", () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    const electedMs = cluster.nowMs;
    const [, noop] = times(cluster, 1);
    assert.equal(noop, 0);
    cluster.run(700);
    cluster.propose(1, "a");
    cluster.run(300);
    cluster.propose(1, "b");
    const [, , a, b] = times(cluster, 1);
    assert.equal((b ?? 0) - (a ?? 0), 300);
    assert.ok((a ?? 0) >= 700 && (a ?? 0) <= electedMs + 700);
  });

  it("stands still without a leader, and goes on from the last entry under the next one", () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.run(5000);
    cluster.propose(1, "a");
    cluster.run(50);
    const a = times(cluster, 2).at(-1);
    cluster.crash(1);
    cluster.elect(2);
    assert.equal(times(cluster, 2).at(-1), a, "the no-op of the next leader");
    cluster.run(100);
    cluster.propose(2, "b");
    assert.ok((times(cluster, 2).at(-1) ?? 0) > (a ?? Infinity));
  });

  it("is the boundary's time when the log is empty", () => {
    const cluster = new RaftCluster({ voters: [1] });
    cluster.run(5000);
    cluster.propose(1, "a");
    const { index } = cluster.node(1).applied;
    const before = times(cluster, 1).at(-1);
    cluster.step(1, { kind: "compact", to: index });
    cluster.crash(1);
    assert.deepEqual(cluster.positions(1), []);
    cluster.restart(1);
    cluster.run(50);
    assert.equal(times(cluster, 1)[0], before);
  });
});
