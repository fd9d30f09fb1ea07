/** A node whose log has lost something (src/raft/mod.ts, "Recovering"). */

import { RaftCluster } from "../../harness/raft_cluster.ts";
import { appendEntries, heartbeat, matched } from "../../harness/raft_messages.ts";
import { imageChunks } from "../../harness/raft_stage.ts";
import { assert, describe, it } from "../../harness/test.ts";

function led(): RaftCluster {
  const cluster = new RaftCluster({ voters: [1, 2, 3] });
  cluster.elect(1);
  return cluster;
}

describe("RaftCore, recovering", () => {
  /** Node 3 lost everything behind entry 1, and starts under a new epoch. */
  const lossy = (): RaftCluster => {
    const cluster = led();
    cluster.propose(1, "a");
    cluster.run(100);
    cluster.lose(3, 2);
    cluster.restart(3);
    return cluster;
  };

  it("gives no vote and no pre-vote, and does not campaign", () => {
    const cluster = lossy();
    cluster.crash(1);
    cluster.crash(2);
    cluster.run(3000);
    cluster.receive(3, 2, 5, { kind: "preVote", lastLog: { index: 9, term: 4 } });
    cluster.receive(3, 2, 5, {
      ...{ kind: "requestVote", transfer: false },
      lastLog: { index: 9, term: 4 },
    });
    assert.equal(cluster.lastSent("preVoteReply", 3, 2)?.message.voteGranted, false);
    assert.equal(cluster.lastSent("requestVoteReply", 3, 2)?.message.voteGranted, false);
    assert.equal(cluster.status(3).role, "follower");
  });

  it("ends in a cluster in which nobody writes", () => {
    const cluster = lossy();
    assert.equal(cluster.status(3).recovering, true);
    cluster.run(1000);
    assert.deepEqual(cluster.positions(3), cluster.positions(1));
    assert.equal(cluster.status(3).recovering, false);
  });

  it("does not end by a message to the epoch before", () => {
    const cluster = lossy();
    cluster.receive(3, 1, 2, appendEntries("1@1", ["2@2", "3@2"], 3));
    cluster.receive(3, 1, 2, appendEntries("3@2", [], 3));
    cluster.receive(3, 1, 2, heartbeat(9, 3));
    assert.equal(cluster.status(3).recovering, true);
  });

  it("does not end by an image before the write that it replaces the log by is durable", () => {
    const cluster = lossy();
    const node = cluster.node(3);
    const toNewEpoch = () => {
      const message = heartbeat(9, 3);
      const envelope = { from: 1, to: 3, fromEpoch: 0, toEpoch: 1, term: 2, message };
      cluster.step(3, { kind: "receive", envelope });
    };
    toNewEpoch();
    node.diskIsAutomatic = false;
    node.stage = { meta: cluster.node(1).image(), chunks: imageChunks };
    node.finishStage(cluster.nowMs);
    toNewEpoch();
    const { boundary, recovering } = cluster.status(3);
    assert.deepEqual([boundary, recovering], [3, true]);
    while (node.disk.underWay.length > 0) node.persistOldest(cluster.nowMs);
    toNewEpoch();
    assert.equal(cluster.status(3).recovering, false);
  });

  it("acknowledgements of an older epoch do not count any more", () => {
    const cluster = lossy();
    cluster.run(500);
    cluster.propose(1, "b");
    cluster.network.take({});
    cluster.receive(1, 3, 2, matched("4@2"));
    assert.equal(cluster.status(1).commitIndex, 3);
  });

  it("a leader that hears of a new epoch forgets what the peer had acknowledged", () => {
    const cluster = lossy();
    const matchOf = () => cluster.status(1).peers.find(({ id }) => id === 3)?.match;
    assert.equal(matchOf(), 3);
    const envelope = { from: 3, to: 1, fromEpoch: 1, toEpoch: 0, term: 2 } as const;
    cluster.step(1, {
      kind: "receive",
      envelope: {
        ...envelope,
        message: { kind: "heartbeatReply", round: 1, verifiedIndex: 1, appliedIndex: 0 },
      },
    });
    assert.equal(matchOf(), 0);
  });
});

describe("RaftCore, epochs of nodes that are no members", () => {
  it("are remembered of the newest alone, and those of members always", () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3] });
    const answers = (from: number, fromEpoch: number): number => {
      const message = { kind: "preVote", lastLog: { index: 9, term: 9 } } as const;
      const envelope = { from, to: 3, fromEpoch, toEpoch: 0, term: 1, message };
      const before = cluster.sent.length;
      cluster.step(3, { kind: "receive", envelope });
      return cluster.sent.length - before;
    };
    answers(1, 5);
    for (let stranger = 100; stranger < 200; stranger++) assert.equal(answers(stranger, 5), 1);
    assert.deepEqual([answers(199, 4), answers(136, 4)], [0, 0]);
    assert.deepEqual([answers(135, 4), answers(100, 4)], [1, 1]);
    assert.equal(answers(1, 4), 0);
  });
});
