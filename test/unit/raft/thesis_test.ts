/**
 * Sentences of Ongaro's thesis "Consensus: Bridging Theory and Practice" (2014) about leadership
 * transfer (§3.10) and reads without the log (§6.4).
 */

import { RaftCluster } from "../../harness/raft_cluster.ts";
import { heartbeat, heartbeatReply, matched, preVoteReply } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** Node 1 leads term 2, its no-op 2@2 is committed everywhere. */
function led(spares: readonly number[] = []): RaftCluster {
  const cluster = new RaftCluster({ voters: [1, 2, 3], learners: [4], spares });
  cluster.elect(1);
  return cluster;
}

/** What became of everything that was asked, by kind and reason. */
function outcomes(cluster: RaftCluster, node = 1): readonly string[] {
  return cluster.outcomes.filter((at) => at.node === node).map(({ outcome }) =>
    "reason" in outcome ? `${outcome.kind}: ${outcome.reason}` : outcome.kind
  );
}

describe("Thesis §3.10, leadership transfer", () => {
  it("the prior leader stops accepting requests", () => {
    const cluster = led();
    cluster.transfer(1, 2);
    cluster.propose(1, "a");
    assert.deepEqual(outcomes(cluster), ["dropped: transferring"]);
  });

  it("it brings the target up to date before it tells it to campaign", () => {
    const cluster = led();
    cluster.propose(1, "a");
    cluster.transfer(1, 2);
    assert.equal(cluster.lastSent("timeoutNow", 1, 2), undefined);
    cluster.receive(1, 2, 2, matched("3@2"));
    assert.equal(cluster.lastSent("timeoutNow", 1, 2)?.term, 2);
  });

  it("the target campaigns at once, in a new term and without a pre-vote, and takes over", () => {
    const cluster = led();
    const before = cluster.nowMs;
    cluster.transfer(1, 2);
    cluster.settle();
    assert.equal(cluster.nowMs, before);
    assert.equal(cluster.lastSent("preVote", 2, 1), undefined);
    assert.equal(cluster.lastSent("requestVote", 2, 1)?.message.transfer, true);
    assert.deepEqual([cluster.status(2).role, cluster.status(2).term], ["leader", 3]);
    assert.deepEqual(outcomes(cluster), ["transferred"]);
  });

  it("if it does not take over within an election timeout, the prior leader serves on", () => {
    const cluster = led();
    cluster.transfer(1, 2);
    cluster.network.take({ kind: "timeoutNow" });
    cluster.run(1000);
    cluster.propose(1, "a");
    assert.deepEqual(outcomes(cluster), ["transferFailed: timeout", "accepted"]);
    assert.deepEqual([cluster.status(1).role, cluster.status(1).term], ["leader", 2]);
  });

  it("a TimeoutNow of another term, or of who does not lead, is ignored", () => {
    const cluster = led();
    cluster.receive(2, 3, 2, { kind: "timeoutNow" });
    cluster.receive(2, 1, 1, { kind: "timeoutNow" });
    assert.deepEqual([cluster.status(2).role, cluster.status(2).term], ["follower", 2]);
    cluster.receive(2, 3, 3, { kind: "timeoutNow" });
    assert.deepEqual([cluster.status(2).role, cluster.status(2).term], ["follower", 3]);
  });

  it("a learner ignores it, and is no target", () => {
    const cluster = led();
    cluster.receive(4, 1, 2, { kind: "timeoutNow" });
    assert.deepEqual([cluster.status(4).role, cluster.status(4).term], ["follower", 2]);
    cluster.transfer(1, 4);
    cluster.transfer(1, 9);
    assert.deepEqual(outcomes(cluster), ["transferFailed: noTarget", "transferFailed: noTarget"]);
  });

  it("without a target the one that is most caught up is chosen", () => {
    const cluster = led();
    cluster.propose(1, "a");
    for (const envelope of cluster.network.take({ from: 1, to: 3 })) cluster.deliver(envelope);
    for (const envelope of cluster.network.take({ from: 3 })) cluster.deliver(envelope);
    cluster.transfer(1);
    assert.equal(cluster.lastSent("timeoutNow", 1, 3)?.term, 2);
    assert.equal(cluster.lastSent("timeoutNow", 1, 2), undefined);
  });
});

describe("Thesis §6.4, reads without the log", () => {
  it("a new leader serves none before its no-op is committed", () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3] });
    cluster.campaign(1);
    cluster.receive(1, 2, 1, preVoteReply(2));
    cluster.receive(1, 2, 2, { kind: "requestVoteReply", voteGranted: true });
    cluster.read(1);
    for (const id of [2, 3]) cluster.receive(1, id, 2, heartbeatReply(1, 1));
    assert.deepEqual(outcomes(cluster), []);
    cluster.receive(1, 2, 2, matched("2@2"));
    assert.deepEqual(outcomes(cluster), []);
    cluster.settle();
    assert.deepEqual(cluster.outcomes.map(({ outcome }) => outcome), [
      { kind: "readable", id: { node: 1, nonce: 1, counter: 1 }, index: 2 },
    ]);
  });

  it("it answers only after a round of heartbeats that a majority confirmed", () => {
    const cluster = led();
    cluster.read(1);
    assert.deepEqual(outcomes(cluster), []);
    cluster.settle();
    assert.deepEqual(outcomes(cluster), ["readable"]);
  });

  it("an answer to an earlier round confirms nothing that was asked later", () => {
    const cluster = led();
    const { round } = cluster.lastSent("heartbeat", 1, 2)!.message;
    cluster.read(1);
    for (const id of [2, 3]) cluster.receive(1, id, 2, heartbeatReply(round, 2));
    assert.deepEqual(outcomes(cluster), []);
    cluster.receive(1, 3, 2, heartbeatReply(round + 1, 2));
    assert.deepEqual(outcomes(cluster), ["readable"]);
  });

  it("learners confirm nothing", () => {
    const cluster = led();
    cluster.read(1);
    const { round } = cluster.lastSent("heartbeat", 1, 2)!.message;
    cluster.receive(1, 4, 2, heartbeatReply(round, 2));
    assert.deepEqual(outcomes(cluster), []);
  });

  it("one round serves all reads that came before it", () => {
    const cluster = led();
    for (let reads = 0; reads < 3; reads++) {
      cluster.node(1).core.step({
        ...{ kind: "readIndex", id: { node: 1, nonce: 1, counter: 50 + reads }, level: "quorum" },
      }, cluster.nowMs);
    }
    const before = cluster.sent.length;
    cluster.read(1);
    const beats = cluster.sent.slice(before).filter(({ to }) => to === 2);
    assert.equal(beats.length, 1);
    cluster.settle();
    assert.deepEqual(outcomes(cluster), ["readable", "readable", "readable", "readable"]);
  });

  it("a leader that lost its place drops what waits", () => {
    const cluster = led();
    cluster.read(1);
    cluster.network.take({});
    cluster.receive(1, 2, 3, heartbeat(1, 2));
    assert.deepEqual(outcomes(cluster), ["readDropped: leaderChanged"]);
  });

  it("a follower asks its leader, and gives up after an election timeout", () => {
    const cluster = led();
    cluster.read(2);
    cluster.settle();
    cluster.read(2);
    cluster.network.take({});
    cluster.run(1000);
    assert.deepEqual(outcomes(cluster, 2), ["readable", "readDropped: timeout"]);
  });

  it("a late answer to what was given up is ignored", () => {
    const cluster = led();
    const id = cluster.read(2);
    cluster.network.take({});
    cluster.run(1000);
    cluster.receive(2, 1, 2, { kind: "readIndexReply", id, index: 9 });
    assert.deepEqual(outcomes(cluster, 2), ["readDropped: timeout"]);
  });

  it("an answer to an earlier start of the process is ignored", () => {
    const cluster = led();
    const id = cluster.read(2);
    cluster.crash(2);
    cluster.restart(2);
    cluster.run(200);
    cluster.step(2, { kind: "readIndex", id: { ...id, nonce: 2 }, level: "quorum" });
    cluster.receive(2, 1, 2, { kind: "readIndexReply", id, index: 2 });
    assert.deepEqual(outcomes(cluster, 2), []);
  });
});

describe("Thesis §6.4.1, leases", () => {
  const leased = (): RaftCluster => {
    const lease = { clockDriftPermille: 100, marginMs: 50 };
    const cluster = new RaftCluster({ voters: [1, 2, 3], options: { lease } });
    cluster.elect(1);
    return cluster;
  };

  it("a lease counts from when the newest confirmed round was sent", () => {
    const cluster = leased();
    cluster.advance(100);
    const sentMs = cluster.nowMs;
    cluster.advance(50);
    cluster.settle();
    // 1000 ms less 10 % drift less 50 ms margin.
    assert.equal(cluster.node(1).core.leaseIndex(sentMs + 849), 2);
    assert.equal(cluster.node(1).core.leaseIndex(sentMs + 850), undefined);
  });

  it("there is none before the first round, and none on a follower", () => {
    const cluster = leased();
    assert.equal(cluster.node(2).core.leaseIndex(cluster.nowMs), undefined);
    cluster.crash(1);
    cluster.campaign(2);
    cluster.receive(2, 3, 2, preVoteReply(3));
    cluster.receive(2, 3, 3, { kind: "requestVoteReply", voteGranted: true });
    assert.equal(cluster.status(2).role, "leader");
    assert.equal(cluster.node(2).core.leaseIndex(cluster.nowMs), undefined);
  });

  it("it is void for the rest of the term once TimeoutNow was sent", () => {
    const cluster = leased();
    cluster.transfer(1, 2);
    cluster.network.take({ kind: "timeoutNow" });
    cluster.run(2000);
    assert.equal(cluster.status(1).role, "leader");
    assert.equal(cluster.node(1).core.leaseIndex(cluster.nowMs), undefined);
  });

  it("it is void after a pause of more than half an election timeout, until the next round", () => {
    const cluster = leased();
    cluster.nowMs += 501;
    cluster.step(1, { kind: "tick" });
    assert.equal(cluster.node(1).core.leaseIndex(cluster.nowMs), undefined);
    cluster.settle();
    assert.equal(cluster.node(1).core.leaseIndex(cluster.nowMs), undefined);
    cluster.run(200);
    assert.equal(cluster.node(1).core.leaseIndex(cluster.nowMs), 2);
  });

  it("without the option there is none", () => {
    const cluster = led();
    assert.equal(cluster.node(1).core.leaseIndex(cluster.nowMs), undefined);
    cluster.read(1, "lease");
    cluster.settle();
    assert.deepEqual(outcomes(cluster), ["readable"]);
  });
});
