/** What the core hands to the disk, and when it takes it for durable. */

import { RaftCluster } from "../../harness/raft_cluster.ts";
import { appendEntries, heartbeat } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

function led(): RaftCluster {
  const cluster = new RaftCluster({ voters: [1, 2, 3] });
  cluster.elect(1);
  return cluster;
}

describe("RaftCore, writes", () => {
  it("does not take a write for durable when its entries were replaced and came back (ABA)", () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3], writesInflightMax: 2 });
    const node = cluster.node(1);
    node.diskIsAutomatic = false;
    cluster.receive(1, 2, 2, appendEntries("1@1", ["2@2"]));
    cluster.receive(1, 3, 3, appendEntries("1@1", ["2@3"]));
    cluster.receive(1, 2, 4, appendEntries("1@1", ["2@2"]));
    // Under way: 2@2, then 2@3 in its place. In memory: 2@2 again.
    assert.equal(node.disk.underWay.length, 2);
    node.persistOldest(cluster.nowMs);
    assert.equal(cluster.status(1).stableIndex, 1, "the next write takes 2@2 away again");
    node.persistOldest(cluster.nowMs);
    assert.equal(cluster.status(1).stableIndex, 1);
    node.persistOldest(cluster.nowMs);
    assert.equal(cluster.status(1).stableIndex, 2);
    assert.deepEqual(cluster.positions(1), ["1@1", "2@2"]);
  });

  it("merges what gathers behind a slow disk into one write", () => {
    const cluster = led();
    const node = cluster.node(1);
    node.diskIsAutomatic = false;
    for (const text of ["a", "b", "c", "d"]) cluster.propose(1, text);
    assert.deepEqual(node.disk.underWay.map(({ entries }) => entries.length), [1]);
    node.persistOldest(cluster.nowMs);
    assert.deepEqual(node.disk.underWay.map(({ entries }) => entries.length), [3]);
  });

  it("a sole voter is not elected by a write from before its candidacy", () => {
    const cluster = new RaftCluster({ voters: [1] });
    cluster.node(1).diskIsAutomatic = false;
    cluster.receive(1, 2, 2, appendEntries("1@1", ["2@2"]));
    cluster.campaign(1);
    assert.equal(cluster.status(1).role, "candidate");
    cluster.node(1).persistOldest(cluster.nowMs);
    assert.equal(cluster.status(1).role, "candidate", "its own vote is not durable yet");
    cluster.node(1).persistOldest(cluster.nowMs);
    assert.equal(cluster.status(1).role, "leader");
  });

  it("drops what it held back for a term that is over", () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3] });
    cluster.node(1).diskIsAutomatic = false;
    cluster.receive(1, 2, 2, appendEntries("1@1", ["2@2"]));
    cluster.receive(1, 3, 3, heartbeat(1, 1));
    while (cluster.node(1).disk.underWay.length > 0) cluster.node(1).persistOldest(0);
    assert.equal(cluster.lastSent("appendEntriesReply", 1, 2), undefined);
  });

  it("lets go at once of all that a slow disk held back, however much that is", () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3] });
    const node = cluster.node(1);
    node.diskIsAutomatic = false;
    cluster.receive(1, 2, 2, appendEntries("1@1", ["2@2"]));
    const repeated = appendEntries("1@1", ["2@2"]);
    const envelope = { from: 2, to: 1, fromEpoch: 0, toEpoch: 0, term: 2, message: repeated };
    const input = { kind: "receive", envelope } as const;
    for (let times = 0; times < 1_000_000; times++) node.core.step(input, cluster.nowMs);
    node.persistOldest(cluster.nowMs);
    assert.equal(cluster.lastSent("appendEntriesReply", 1, 2)?.message.result.kind, "matched");
  });
});
