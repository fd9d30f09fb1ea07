/**
 * In the term of the birth nobody leads, so nobody waits there for a leader; and whoever has told a
 * leader that it follows is in a later term, also after a restart.
 */

import { firstTimeoutMs } from "../../harness/election_timeout.ts";
import { RaftCluster } from "../../harness/raft_cluster.ts";
import { heartbeat, requestVote } from "../../harness/raft_messages.ts";
import { raftOptions } from "../../harness/raft_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const three = (): RaftCluster => new RaftCluster({ voters: [1, 2, 3] });

describe("The term of the birth", () => {
  it("a node votes in as soon as it has started", () => {
    const cluster = three();
    cluster.receive(1, 3, 2, requestVote("1@1"));
    assert.equal(cluster.lastSent("requestVoteReply", 1, 3)?.message.voteGranted, true);
  });

  it("a node that heard a leader and lost that with its power has told nobody", () => {
    const cluster = three();
    cluster.node(1).diskIsAutomatic = false;
    cluster.receive(1, 2, 2, heartbeat(1, 1));
    assert.equal(cluster.lastSent("heartbeatReply", 1, 2), undefined);
    cluster.crash(1);
    cluster.restart(1);
    assert.equal(cluster.status(1).term, 1);
    cluster.receive(1, 3, 9, requestVote("1@1"));
    assert.equal(cluster.status(1).term, 9);
  });

  it("a node that has told a leader that it follows is not in any more", () => {
    const cluster = three();
    cluster.node(1).diskIsAutomatic = false;
    cluster.receive(1, 2, 2, heartbeat(1, 1));
    cluster.node(1).persistOldest(cluster.nowMs);
    assert.equal(cluster.lastSent("heartbeatReply", 1, 2)?.message.round, 1);
    // From now on nothing waits for the disk.
    cluster.receive(1, 2, 2, heartbeat(2, 1));
    assert.equal(cluster.lastSent("heartbeatReply", 1, 2)?.message.round, 2);
    cluster.crash(1);
    cluster.restart(1);
    cluster.receive(1, 3, 9, requestVote("9@9"));
    assert.equal(cluster.status(1).term, 2);
  });

  it("a node that recovers does wait in: it may have been in any other", () => {
    const cluster = three();
    cluster.lose(1, 2);
    cluster.restart(1);
    cluster.receive(1, 3, 9, requestVote("9@9"));
    assert.equal(cluster.status(1).term, 1);
  });

  it("the timeout of an election is what is drawn, without what a leader may count on", () => {
    const { electionTimeoutMinMs, electionTimeoutMaxMs } = raftOptions;
    const { disk } = three().node(1);
    const drawn = Array.from({ length: 200 }, (_, seed) => firstTimeoutMs(disk, seed));
    assert.ok(Math.min(...drawn) < electionTimeoutMinMs / 10);
    assert.ok(Math.max(...drawn) <= electionTimeoutMaxMs - electionTimeoutMinMs + 50);
    assert.ok(new Set(drawn).size > 15, "they are far apart");
  });
});
