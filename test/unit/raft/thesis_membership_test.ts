/**
 * Sentences of Ongaro's thesis "Consensus: Bridging Theory and Practice" (2014), chapter 4, and of
 * the paper's §6: how the cluster's membership changes.
 */

import { encodeConfiguration, makeEntry } from "../../../src/raft/encoding.ts";
import { configurationOf, RaftCluster } from "../../harness/raft_cluster.ts";
import {
  appendEntries,
  entryAt,
  heartbeat,
  matched,
  preVoteReply,
} from "../../harness/raft_messages.ts";
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

describe("Thesis §4.1, safety of membership changes", () => {
  it("a server uses the latest configuration in its log, committed or not", () => {
    const cluster = led();
    cluster.change(1, { voters: [1, 2, 3], learners: [] });
    assert.deepEqual(cluster.status(1).configuration.position, { index: 3, term: 2 });
    assert.equal(cluster.status(1).configurationCommitted, false);
    for (const envelope of cluster.network.take({ to: 2 })) cluster.deliver(envelope);
    assert.deepEqual(cluster.status(2).configuration.position, { index: 3, term: 2 });
  });

  it("a server falls back to the previous configuration when the latest is truncated", () => {
    const cluster = led([5]);
    cluster.network.cut(1, 2);
    cluster.network.cut(1, 3);
    cluster.change(1, { voters: [1, 2, 3, 5] });
    assert.equal(cluster.status(1).configuration.position.index, 3);
    cluster.crash(1);
    cluster.elect(2);
    cluster.network.heal();
    cluster.restart(1);
    assert.equal(cluster.status(1).configuration.position.index, 3, "also after a restart");
    cluster.run(500);
    assert.equal(cluster.status(1).configuration.position.index, 1);
    cluster.crash(1);
    cluster.restart(1);
    assert.equal(cluster.status(1).configuration.position.index, 1, "and after another one");
  });

  it("no change begins before the one before it is committed", () => {
    const cluster = led();
    cluster.change(1, { voters: [1, 2] });
    cluster.change(1, { voters: [1, 3] });
    assert.deepEqual(outcomes(cluster), ["accepted", "dropped: changeInProgress"]);
  });

  it("nor before the leader has committed an entry of its own term (erratum of 2015)", () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3] });
    cluster.campaign(1);
    cluster.receive(1, 2, 1, preVoteReply(2));
    cluster.receive(1, 2, 2, { kind: "requestVoteReply", voteGranted: true });
    assert.equal(cluster.status(1).role, "leader");
    cluster.change(1, { voters: [1, 2] });
    cluster.receive(1, 2, 2, matched("2@2"));
    cluster.change(1, { voters: [1, 2] });
    assert.deepEqual(outcomes(cluster), ["dropped: changeInProgress", "accepted"]);
  });

  it("nor when another configuration is in force than the caller saw", () => {
    const cluster = led();
    cluster.change(1, { voters: [1, 2] }, { index: 2, term: 2 });
    assert.deepEqual(outcomes(cluster), ["dropped: configurationChanged"]);
  });

  it("ids are never reused, and a cluster keeps a voter", () => {
    const cluster = led();
    cluster.change(1, { voters: [1, 2, 3] });
    cluster.settle();
    cluster.change(1, { voters: [1, 2, 3], learners: [4] });
    cluster.change(1, { voters: [], learners: [1, 2, 3] });
    assert.deepEqual(outcomes(cluster).slice(1), [
      "dropped: invalidChange",
      "dropped: invalidChange",
    ]);
  });

  it("leaders and candidates outside the own configuration are listened to all the same", () => {
    const cluster = led();
    cluster.nowMs += 2000;
    cluster.receive(2, 9, 7, { ...{ kind: "requestVote", transfer: false }, lastLog: at(9, 6) });
    assert.equal(cluster.lastSent("requestVoteReply", 2, 9)?.message.voteGranted, true);
    cluster.receive(2, 9, 7, heartbeat(1, 1));
    assert.equal(cluster.status(2).leader, 9);
  });
});

function at(index: number, term: number): { readonly index: number; readonly term: number } {
  return { index, term };
}

describe("Thesis §4.2, availability", () => {
  it("§4.2.1: a server is added as a learner first, gets entries and counts in nothing", () => {
    const cluster = led([5]);
    cluster.change(1, { voters: [1, 2, 3], learners: [4, 5] });
    cluster.settle();
    cluster.restart(5);
    cluster.run(500);
    assert.deepEqual(cluster.positions(5), cluster.positions(1));
    cluster.crash(1);
    cluster.crash(2);
    cluster.run(10_000);
    assert.equal(cluster.status(5).role, "follower");
    assert.equal(cluster.leader(), undefined, "learners do not help a minority");
  });

  it("§4.2.2: a leader that removes itself replicates on and does not count itself", () => {
    const cluster = led();
    cluster.change(1, { voters: [2, 3], learners: [4] });
    for (const id of [2, 3]) cluster.receive(1, id, 2, matched("3@2"));
    assert.equal(cluster.status(1).configuration.position.index, 4, "C_new is appended");
    cluster.receive(1, 2, 2, matched("4@2"));
    assert.deepEqual([cluster.status(1).role, cluster.status(1).commitIndex], ["leader", 3]);
    cluster.receive(1, 3, 2, matched("4@2"));
    assert.deepEqual([cluster.status(1).role, cluster.status(1).commitIndex], ["follower", 4]);
  });

  it("§3.10, §4.2.2: and then hands over to a voter of C_new that holds it", () => {
    const cluster = led();
    cluster.change(1, { voters: [2, 3], learners: [1, 4] });
    for (const id of [2, 3, 4]) cluster.receive(1, id, 2, matched("3@2"));
    cluster.receive(1, 4, 2, matched("4@2"));
    cluster.receive(1, 2, 2, matched("4@2"));
    assert.deepEqual(cluster.sent.filter(({ message: { kind } }) => kind === "timeoutNow"), []);
    cluster.receive(1, 3, 2, matched("4@2"));
    const told = cluster.sent.filter(({ message: { kind } }) => kind === "timeoutNow");
    assert.deepEqual(told.map(({ to }) => to), [2]);
    const { nowMs } = cluster;
    cluster.settle();
    assert.deepEqual([cluster.leader(), cluster.nowMs], [2, nowMs], "no time has passed");
  });

  for (
    const [what, learners, outcome] of [
      ["that learns who leads tells of it", [1, 4], "transferred"],
      ["that hears no more fails, once its time is up", [4], "transferFailed: leadershipLost"],
    ] as const
  ) {
    it(`§3.10, §4.2.2: a transfer of a leader that goes, ${what}`, () => {
      const cluster = led();
      cluster.change(1, { voters: [2, 3], learners });
      for (const id of [2, 3]) cluster.receive(1, id, 2, matched("3@2"));
      // C_new waits, and somebody asks for a transfer.
      cluster.transfer(1, 2);
      for (const id of [2, 3]) cluster.receive(1, id, 2, matched("4@2"));
      assert.equal(cluster.status(1).role, "follower");
      assert.deepEqual(outcomes(cluster), ["accepted"]);
      cluster.settle();
      assert.equal(cluster.leader(), 2);
      cluster.run(1_000);
      assert.deepEqual(outcomes(cluster), ["accepted", outcome]);
    });
  }

  it("§4.2.2: behind C_new it appends nothing, of which only others could tell", () => {
    const cluster = led();
    cluster.change(1, { voters: [2, 3], learners: [4] });
    cluster.propose(1, "behind C_old,new");
    for (const id of [2, 3]) cluster.receive(1, id, 2, matched("4@2"));
    cluster.propose(1, "behind C_new");
    assert.deepEqual(outcomes(cluster), ["accepted", "accepted", "dropped: transferring"]);
  });

  it("§4.2.2: a learner that is asked for a vote by who cannot win without it campaigns", () => {
    const cluster = led();
    // A change that makes node 4 a voter is on node 2 alone, and node 4 holds a later entry of a
    // leader that is gone (transcript configuration/learner_with_the_longest_log.txt).
    const joint = {
      ...configurationOf({ voters: [2, 4] }),
      outgoing: cluster.configuration.members,
    };
    const entry = makeEntry({
      ...{ index: 3, term: 2, kind: "configuration", timeMs: 0 },
      data: encodeConfiguration(joint),
    });
    cluster.receive(2, 1, 2, appendEntries("2@2", [entry]));
    cluster.receive(4, 3, 3, appendEntries("2@2", [entryAt("3@3")]));
    cluster.crash(3);
    cluster.crash(1);
    cluster.restart(1);
    cluster.run(20_000);
    assert.ok([1, 2].includes(cluster.leader() ?? 0), `node ${cluster.leader()} leads`);
    assert.equal(cluster.status(4).role, "follower");
    assert.deepEqual(cluster.positions(2), cluster.positions(4));
  });

  it("§4.2.3: which it does not where somebody leads, or where its log is no longer", () => {
    const cluster = led();
    cluster.receive(4, 2, 2, { kind: "preVote", lastLog: at(1, 1) });
    assert.equal(cluster.status(4).role, "follower", "node 1 leads");
    cluster.advance(1000);
    cluster.receive(4, 2, 2, { kind: "preVote", lastLog: at(2, 2) });
    assert.equal(cluster.status(4).role, "follower", "node 2 can have its vote");
    cluster.receive(4, 2, 2, { kind: "preVote", lastLog: at(1, 1) });
    assert.equal(cluster.status(4).role, "precandidate");
  });

  it("§4.2.3: nor where a committed configuration has removed it", () => {
    const cluster = led();
    const without4 = makeEntry({
      ...{ index: 3, term: 2, kind: "configuration", timeMs: 0 },
      data: encodeConfiguration({ ...configurationOf({ voters: [1, 2, 3] }), nodeIdMax: 4 }),
    });
    cluster.receive(4, 1, 2, appendEntries("2@2", [without4], 3));
    cluster.advance(1000);
    cluster.receive(4, 2, 2, { kind: "preVote", lastLog: at(2, 2) });
    assert.deepEqual([cluster.status(4).role, cluster.status(4).commitIndex], ["follower", 3]);
  });

  it("§4.2.2: a voter of any configuration that may be committed campaigns by itself", () => {
    const cluster = led();
    const configurations = [{ voters: [1, 2, 3, 4] }, { voters: [1, 2, 3], learners: [4] }];
    const entries = configurations.map((each, index) =>
      makeEntry({
        ...{ index: 3 + index, term: 2, kind: "configuration", timeMs: 0 },
        data: encodeConfiguration(configurationOf(each)),
      })
    );
    cluster.receive(4, 1, 2, appendEntries("2@2", entries));
    cluster.campaign(4);
    assert.equal(cluster.status(4).role, "precandidate");
  });

  it("§4.2.2: a server outside its latest configuration still campaigns until that commits", () => {
    // C_old = {1}, C_new = {2, 3}: the others, still joint, need the vote of node 1; its log is
    // longer than theirs, so that it cannot give it. Only node 1 can finish the change.
    const cluster = new RaftCluster({ voters: [1], learners: [2, 3] });
    cluster.elect(1);
    cluster.change(1, { voters: [2, 3], learners: [1] });
    const toLearners = cluster.network.take({ kind: "appendEntries" });
    for (const envelope of toLearners) cluster.deliver(envelope);
    for (const envelope of cluster.network.take({ to: 1 })) cluster.deliver(envelope);
    assert.equal(cluster.status(1).configuration.position.index, 4, "C_new is appended");
    cluster.network.take({});
    cluster.crash(1);
    cluster.restart(1);
    cluster.run(10_000);
    assert.ok([2, 3].includes(cluster.leader() ?? 0), `node ${cluster.leader()} leads`);
    assert.equal(cluster.status(2).configuration.position.index, 4);
    assert.equal(cluster.status(1).role, "follower");
  });

  it("§4.2.3: a removed server that did not hear of it disturbs nobody and stops", () => {
    const cluster = led();
    cluster.network.cut(1, 3);
    cluster.change(1, { voters: [1, 2], learners: [4] });
    cluster.run(200);
    assert.deepEqual(cluster.status(1).configuration.configuration.outgoing, undefined);
    cluster.network.heal();
    cluster.network.cut(1, 3);
    cluster.run(3000);
    assert.deepEqual(cluster.lastSent("preVoteReply", 2, 3)?.message.notMember, at(4, 2));
    const asked = cluster.sent.length;
    cluster.run(5000);
    const later = cluster.sent.slice(asked).filter(({ from }) => from === 3);
    assert.deepEqual(later.map(({ message }) => message.kind), []);
    assert.deepEqual([cluster.status(1).role, cluster.status(1).term], ["leader", 2]);
  });
});

describe("Thesis §4.2.3, removed servers", () => {
  /** How often node 3 asks for votes in the last 5 of 15 seconds, and nobody's term moves by it. */
  const asksLately = (cluster: RaftCluster): number => {
    cluster.run(10_000);
    const before = cluster.sent.length;
    cluster.run(5000);
    assert.equal(cluster.status(1).term, 2);
    return cluster.sent.slice(before).filter(({ from }) => from === 3).length;
  };

  it("one that holds C_new, and not its commit, is told and stops", () => {
    const cluster = led();
    cluster.change(1, { voters: [1, 2], learners: [4] });
    for (let round = 0; round < 2; round++) {
      for (const envelope of cluster.network.take({ to: 3 })) cluster.deliver(envelope);
      for (const envelope of cluster.network.take({ to: 2 })) cluster.deliver(envelope);
      for (const envelope of cluster.network.take({ from: 2 })) cluster.deliver(envelope);
    }
    assert.deepEqual(cluster.status(3).configuration.position, at(4, 2));
    assert.equal(cluster.status(3).configurationCommitted, false);
    assert.equal(cluster.status(1).commitIndex, 4);
    cluster.network.cut(1, 3);
    assert.equal(asksLately(cluster), 0);
  });

  it("one that holds a later change of its own, never committed, is told and stops", () => {
    const cluster = led();
    cluster.network.cut(1, 3);
    cluster.network.cut(2, 3);
    cluster.change(1, { voters: [1, 2], learners: [4] });
    cluster.run(200);
    // What node 3 would hold if it had led a term meanwhile and nobody had heard of it.
    cluster.receive(
      3,
      4,
      2,
      appendEntries("2@2", [
        entryAt("3@2"),
        entryAt("4@2"),
        laterChange,
      ]),
    );
    cluster.network.heal();
    cluster.network.cut(1, 3);
    assert.equal(cluster.status(3).configuration.position.index, 5);
    assert.equal(asksLately(cluster), 0);
  });
});

const laterChange = makeEntry({
  ...{ index: 5, term: 2, kind: "configuration", timeMs: 0 },
  data: encodeConfiguration(configurationOf({ voters: [1, 2, 3] })),
});

describe("Thesis §4.3 and paper §6, joint consensus", () => {
  it("elections need a majority of both configurations", () => {
    for (const [votes, wins] of [[[2, 3], false], [[4, 5], false], [[2, 4, 5], true]] as const) {
      const cluster = joint();
      cluster.campaign(1);
      for (const id of [2, 3, 4, 5]) cluster.receive(1, id, 2, preVoteReply(3));
      for (const id of votes) {
        cluster.receive(1, id, 3, { kind: "requestVoteReply", voteGranted: true });
      }
      assert.equal(cluster.status(1).role, wins ? "leader" : "candidate", String(votes));
    }
  });

  it("commitment needs a majority of both configurations", () => {
    for (const [acks, commits] of [[[2, 3], false], [[4, 5], false], [[2, 4], true]] as const) {
      const cluster = led([5, 6]);
      cluster.change(1, { voters: [1, 5, 6], learners: [4] });
      // The ids of this case: 2 and 3 are only in C_old, 5 and 6 only in C_new.
      for (const id of acks) cluster.receive(1, id < 4 ? id : id + 1, 2, matched("3@2"));
      assert.equal(cluster.status(1).commitIndex, commits ? 3 : 2, String(acks));
    }
  });

  it("once C_old,new is committed the leader goes on to C_new by itself", () => {
    const cluster = led([5]);
    cluster.change(1, { voters: [1, 2, 5], learners: [4] });
    assert.notEqual(cluster.status(1).configuration.configuration.outgoing, undefined);
    cluster.restart(5);
    cluster.run(500);
    const { position, configuration } = cluster.status(5).configuration;
    assert.deepEqual([position.index, configuration.outgoing], [4, undefined]);
    assert.equal(cluster.status(1).commitIndex, 4);
  });

  it("a new leader that finds C_old,new finishes the change after its own no-op", () => {
    const cluster = led([5]);
    cluster.change(1, { voters: [1, 2, 5], learners: [4] });
    for (const envelope of cluster.network.take({ to: 2 })) cluster.deliver(envelope);
    cluster.network.take({});
    cluster.crash(1);
    cluster.restart(5);
    for (const id of [2, 3, 5]) assert.equal(cluster.status(id).commitIndex <= 2, true);
    cluster.elect(2);
    cluster.run(1000);
    const { configuration } = cluster.status(2).configuration;
    assert.equal(configuration.outgoing, undefined);
    assert.deepEqual(configuration.members.map(({ id }) => id), [1, 2, 4, 5]);
    assert.equal(cluster.status(2).configurationCommitted, true);
  });

  it("a change that touches no voter needs no joint phase", () => {
    const cluster = led([5]);
    cluster.change(1, { voters: [1, 2, 3], learners: [4, 5] });
    assert.equal(cluster.status(1).configuration.configuration.outgoing, undefined);
  });
});

/** Node 1 holds C_old,new of {1, 2, 3} and {1, 4, 5}, and nobody leads. */
function joint(): RaftCluster {
  const cluster = new RaftCluster({ voters: [1, 2, 3], spares: [4, 5] });
  cluster.elect(1);
  cluster.network.cut(1, 2);
  cluster.network.cut(1, 3);
  cluster.change(1, { voters: [1, 4, 5] });
  cluster.crash(1);
  cluster.restart(1);
  return cluster;
}
