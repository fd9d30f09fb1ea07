/** What the core says of its role, and when one voter is enough. */

import type { LeadershipReason } from "../../../src/raft/types.ts";
import { RaftCluster, type RaftClusterOptions } from "../../harness/raft_cluster.ts";
import { heartbeat, heartbeatReply, preVoteReply } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

function led(options: Partial<RaftClusterOptions> = {}): RaftCluster {
  const cluster = new RaftCluster({ voters: [1, 2, 3], ...options });
  cluster.elect(1);
  return cluster;
}

describe("RaftCore, what it says of itself", () => {
  it("names the reason of each change of role", () => {
    const reasons = new Map<string, LeadershipReason>();
    const cluster = new RaftCluster({
      voters: [1, 2, 3],
      watch: {
        leadership: ({ id }, { role, reason }) => reasons.set(`${id} ${role}`, reason),
      },
    });
    cluster.elect(1);
    assert.equal(reasons.get("1 leader"), "electionWon");
    assert.equal(reasons.get("2 follower"), "leaderFound");
    cluster.transfer(1, 2);
    cluster.settle();
    assert.equal(reasons.get("2 candidate"), "transfer");
    assert.equal(reasons.get("2 leader"), "electionWon");
    for (const id of [1, 3]) cluster.crash(id);
    cluster.run(1500);
    assert.equal(reasons.get("2 follower"), "quorumLost");
    for (const id of [1, 3]) cluster.restart(id);
    cluster.elect(3);
    cluster.change(3, { voters: [1, 2] });
    cluster.settle();
    assert.equal(reasons.get("3 follower"), "removed");
  });

  it("names a hung disk", () => {
    const reasons: LeadershipReason[] = [];
    const watch = {
      leadership: (_: unknown, { reason }: { reason: LeadershipReason }) => {
        reasons.push(reason);
      },
    };
    const cluster = led({ watch });
    cluster.node(1).diskIsAutomatic = false;
    cluster.propose(1, "a");
    cluster.run(2100);
    assert.equal(reasons.at(-1), "diskHung");
  });
});

describe("RaftCore, what a leader says of its peers", () => {
  it("tells who has answered it, whatever that one holds", () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3] });
    cluster.campaign(1);
    cluster.receive(1, 2, 1, preVoteReply(2));
    cluster.receive(1, 2, 2, { kind: "requestVoteReply", voteGranted: true });
    const said = () =>
      cluster.status(1).peers.map(({ id, hasAnswered, match }) => [id, hasAnswered, match]);
    assert.deepEqual(said(), [[2, false, 0], [3, false, 0]]);
    cluster.receive(1, 2, 2, heartbeatReply(1, 1));
    assert.deepEqual(said(), [[2, true, 0], [3, false, 0]]);
  });
});

describe("RaftCore, configurations of one voter", () => {
  it("a sole voter does not wait for anybody", () => {
    const cluster = new RaftCluster({ voters: [1], learners: [2] });
    cluster.run(100);
    assert.equal(cluster.status(1).role, "leader");
    assert.equal(cluster.status(1).commitIndex, 2);
  });

  it("one that is to become it waits while the leader of C_old may hold a lease", () => {
    const cluster = new RaftCluster({ voters: [1, 2] });
    cluster.elect(2);
    cluster.change(2, { voters: [1] });
    for (const envelope of cluster.network.take({ to: 1 })) cluster.deliver(envelope);
    for (const envelope of cluster.network.take({ to: 2 })) cluster.deliver(envelope);
    for (const envelope of cluster.network.take({ to: 1 })) cluster.deliver(envelope);
    assert.deepEqual(cluster.status(1).configuration.position, { index: 4, term: 2 });
    cluster.advance(50);
    assert.deepEqual([cluster.status(1).role, cluster.status(2).role], ["follower", "leader"]);
  });

  it("a voter that was removed loses its progress also where nobody writes", () => {
    const cluster = led();
    cluster.change(1, { voters: [1, 2] });
    cluster.run(500);
    assert.equal(cluster.status(1).configurationCommitted, true);
    // What it answers is not listened to any more: it is forgotten once it was silent for long.
    cluster.run(10 * 2000);
    assert.deepEqual(cluster.status(1).peers.map(({ id }) => id), [2]);
  });
});

describe("RaftCore, campaigns that are over", () => {
  it("a vote that comes after the round is over does not count", () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3] });
    cluster.campaign(1);
    cluster.receive(1, 3, 2, heartbeat(1, 1));
    cluster.receive(1, 2, 1, preVoteReply(2));
    assert.deepEqual([cluster.status(1).role, cluster.status(1).leader], ["follower", 3]);
  });
});
