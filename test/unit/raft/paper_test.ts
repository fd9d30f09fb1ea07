/**
 * Sentences of the Raft paper (extended version, 2014) and of Ongaro's thesis about terms, votes
 * and elections: each test sets a scene, does one thing and checks what the sentence says.
 */

import type { Term } from "../../../src/raft/types.ts";
import { firstTimeoutMs } from "../../harness/election_timeout.ts";
import { RaftCluster } from "../../harness/raft_cluster.ts";
import {
  appendEntries,
  heartbeat,
  heartbeatReply,
  matched,
  preVote,
  preVoteReply,
  requestVote,
  requestVoteReply,
} from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

const three = (): RaftCluster => new RaftCluster({ voters: [1, 2, 3] });

/** Node 1 was in a term in which somebody may lead, and has started again. */
const restarted = (): RaftCluster => {
  const cluster = three();
  cluster.restore(1, { terms: [], term: 2 });
  return cluster;
};

/** A cluster in which node 1 has become what the name says; nothing of it was delivered. */
const scenes = {
  follower: three,
  precandidate: (): RaftCluster => {
    const cluster = three();
    cluster.campaign(1);
    return cluster;
  },
  candidate: (): RaftCluster => {
    const cluster = scenes.precandidate();
    cluster.receive(1, 2, 1, preVoteReply(2));
    return cluster;
  },
  leader: (): RaftCluster => {
    const cluster = scenes.candidate();
    cluster.receive(1, 2, 2, requestVoteReply(true));
    return cluster;
  },
};
type Scene = keyof typeof scenes;
const roles: readonly Scene[] = ["follower", "precandidate", "candidate", "leader"];

describe("Paper §5.1, terms", () => {
  for (const role of roles) {
    it(`a ${role} that hears of a larger term updates its own, and is a follower`, () => {
      const cluster = scenes[role]();
      assert.equal(cluster.status(1).role, role);
      cluster.receive(1, 3, 7, appendEntries("1@1"));
      const { role: now, term, leader } = cluster.status(1);
      assert.deepEqual({ now, term, leader }, { now: "follower", term: 7, leader: 3 });
    });
  }

  it("a leader learns a larger term from any reply", () => {
    const replies = [requestVoteReply(false), heartbeatReply(1, 1), matched("1@1")];
    for (const reply of replies) {
      const cluster = scenes.leader();
      cluster.receive(1, 3, 7, reply);
      const { role, term, leader } = cluster.status(1);
      assert.deepEqual([role, term, leader], ["follower", 7, undefined], reply.kind);
    }
  });

  it("a request with a stale term is rejected, and its sender learns the present one", () => {
    const cluster = three();
    cluster.receive(1, 2, 5, appendEntries("1@1", ["2@5"]));
    cluster.receive(1, 3, 4, appendEntries("1@1", ["2@4"]));
    assert.deepEqual(cluster.positions(1), ["1@1", "2@5"]);
    assert.equal(cluster.status(1).leader, 2);
    assert.equal(cluster.lastSent("heartbeatReply", 1, 3)?.term, 5);
    assert.equal(cluster.lastSent("appendEntriesReply", 1, 3), undefined);
  });

  it("a stale request for a vote is refused in the present term", () => {
    const cluster = scenes.leader();
    cluster.advance(1500);
    cluster.receive(1, 3, 1, requestVote("9@1"));
    const answer = cluster.lastSent("requestVoteReply", 1, 3);
    assert.deepEqual([answer?.term, answer?.message.voteGranted], [2, false]);
  });
});

describe("Paper §5.2, leader election", () => {
  it("when servers start up, they begin as followers", () => {
    const cluster = three();
    for (const { status } of cluster.running) assert.equal(status.role, "follower");
  });

  it("a leader sends heartbeats to all followers, periodically", () => {
    const cluster = scenes.leader();
    const before = cluster.sent.length;
    cluster.advance(300);
    const beats = cluster.sent.slice(before).filter(({ message }) => message.kind === "heartbeat");
    assert.deepEqual(beats.map(({ to }) => to), [2, 3, 2, 3, 2, 3]);
  });

  it("a server stays follower as long as it hears from a leader", () => {
    const cluster = three();
    for (let round = 1; round <= 50; round++) {
      cluster.advance(900);
      cluster.receive(1, 2, 2, heartbeat(round, 1));
      assert.equal(cluster.status(1).role, "follower");
    }
  });

  it("a follower that hears nothing for an election timeout begins an election", () => {
    const cluster = restarted();
    cluster.advance(950);
    assert.equal(cluster.status(1).role, "follower");
    cluster.advance(50);
    assert.equal(cluster.status(1).role, "precandidate");
  });

  it("to begin an election it raises its term, votes for itself and asks all others", () => {
    const cluster = scenes.candidate();
    const { role, term, votedFor } = cluster.status(1);
    assert.deepEqual({ role, term, votedFor }, { role: "candidate", term: 2, votedFor: 1 });
    for (const to of [2, 3]) assert.equal(cluster.lastSent("requestVote", 1, to)?.term, 2);
  });

  for (const [voters, grants, wins] of winning()) {
    it(`of ${voters} voters, ${grants} other votes win an election: ${wins}`, () => {
      const ids = Array.from({ length: voters }, (_, at) => at + 1);
      const cluster = new RaftCluster({ voters: ids });
      cluster.campaign(1);
      for (const id of ids.slice(1)) cluster.receive(1, id, 1, preVoteReply(2));
      for (const id of ids.slice(1)) {
        cluster.receive(1, id, 2, requestVoteReply(id <= grants + 1));
      }
      assert.equal(cluster.status(1).role, wins ? "leader" : "candidate");
    });
  }

  it("votes count only in the term for which they were given", () => {
    const cluster = scenes.candidate();
    cluster.receive(1, 2, 1, requestVoteReply(true));
    assert.equal(cluster.status(1).role, "candidate");
  });

  it("the same voter counts once, however often it answers", () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3, 4, 5] });
    cluster.campaign(1);
    for (const id of [2, 3]) cluster.receive(1, id, 1, preVoteReply(2));
    for (let times = 0; times < 3; times++) cluster.receive(1, 2, 2, requestVoteReply(true));
    assert.equal(cluster.status(1).role, "candidate");
  });

  for (const [votedFor, asks, granted] of [[undefined, 2, true], [2, 2, true], [3, 2, false]]) {
    it(`a voter that chose ${votedFor} in this term grants ${asks}: ${granted}`, () => {
      const cluster = three();
      const vote = votedFor === undefined ? {} : { votedFor: Number(votedFor) };
      cluster.restore(1, { terms: [], term: 5, ...vote });
      cluster.nowMs += 1000;
      cluster.receive(1, Number(asks), 5, requestVote("1@1"));
      const answer = cluster.lastSent("requestVoteReply", 1, Number(asks));
      assert.equal(answer?.message.voteGranted, granted);
    });
  }

  it("once a candidate wins it leads, and tells all others at once", () => {
    const cluster = scenes.leader();
    assert.equal(cluster.status(1).role, "leader");
    for (const to of [2, 3]) assert.equal(cluster.lastSent("heartbeat", 1, to)?.term, 2);
  });

  it("a candidate that hears a leader of its own term recognises it and follows", () => {
    const cluster = scenes.candidate();
    cluster.receive(1, 3, 2, appendEntries("1@1"));
    const { role, leader, votedFor } = cluster.status(1);
    assert.deepEqual({ role, leader, votedFor }, { role: "follower", leader: 3, votedFor: 1 });
  });

  it("a candidate that hears a leader of a smaller term goes on", () => {
    const cluster = scenes.candidate();
    cluster.receive(1, 3, 1, appendEntries("1@1"));
    assert.equal(cluster.status(1).role, "candidate");
  });

  it("a candidate without a winner times out and begins a new election", () => {
    const cluster = scenes.candidate();
    cluster.receive(1, 2, 2, requestVoteReply(false));
    cluster.receive(1, 3, 2, requestVoteReply(false));
    cluster.advance(1000);
    assert.equal(cluster.status(1).role, "precandidate");
    cluster.receive(1, 2, 2, preVoteReply(3));
    assert.deepEqual([cluster.status(1).role, cluster.status(1).term], ["candidate", 3]);
  });

  it("election timeouts are chosen randomly from a fixed interval", () => {
    const { disk } = restarted().node(1);
    const drawn = new Set<number>();
    for (let seed = 0; seed < 200; seed++) drawn.add(firstTimeoutMs(disk, seed));
    assert.ok(drawn.size > 15, `${drawn.size} different timeouts of 20`);
    assert.ok(Math.min(...drawn) >= 1000 && Math.max(...drawn) <= 2050);
  });
});

function winning(): readonly (readonly [number, number, boolean])[] {
  return [
    ...[[1, 0, true], [2, 0, false], [2, 1, true], [3, 0, false], [3, 1, true]],
    ...[[4, 1, false], [4, 2, true], [5, 1, false], [5, 2, true], [7, 2, false], [7, 3, true]],
  ] as [number, number, boolean][];
}

describe("Paper figure 2 and §5.6, what is durable before it is said", () => {
  it("a vote leaves only once it is on disk", () => {
    const cluster = three();
    cluster.node(1).diskIsAutomatic = false;
    cluster.nowMs += 1000;
    cluster.receive(1, 2, 2, requestVote("1@1"));
    assert.equal(cluster.status(1).votedFor, 2);
    assert.equal(cluster.lastSent("requestVoteReply", 1, 2), undefined);
    cluster.node(1).persistOldest(cluster.nowMs);
    assert.equal(cluster.lastSent("requestVoteReply", 1, 2)?.message.voteGranted, true);
  });

  it("a vote that was repeated before it is durable waits as well", () => {
    const cluster = three();
    cluster.node(1).diskIsAutomatic = false;
    cluster.nowMs += 1000;
    for (let times = 0; times < 2; times++) cluster.receive(1, 2, 2, requestVote("1@1"));
    assert.equal(cluster.lastSent("requestVoteReply", 1, 2), undefined);
  });

  it("a candidate asks nobody, and does not count itself, before its own vote is on disk", () => {
    const cluster = scenes.precandidate();
    cluster.node(1).diskIsAutomatic = false;
    cluster.receive(1, 2, 1, preVoteReply(2));
    assert.equal(cluster.status(1).role, "candidate");
    assert.equal(cluster.lastSent("requestVote", 1, 2), undefined);
    cluster.node(1).persistOldest(cluster.nowMs);
    assert.equal(cluster.lastSent("requestVote", 1, 2)?.term, 2);
  });

  it("term and vote are one write: a crash leaves both or neither", () => {
    for (const kept of [0, 1]) {
      const cluster = three();
      cluster.node(1).diskIsAutomatic = false;
      cluster.nowMs += 1000;
      cluster.receive(1, 2, 2, requestVote("1@1"));
      cluster.crash(1, kept);
      cluster.restart(1);
      const { term, votedFor } = cluster.status(1);
      assert.deepEqual([term, votedFor], kept === 0 ? [1, undefined] : [2, 2]);
    }
  });
});

describe("Paper §5.4.1, election restriction", () => {
  const cases: readonly (readonly [readonly Term[], string, boolean])[] = [
    [[1], "2@1", true],
    [[1], "3@1", true],
    [[1, 1], "2@1", false],
    [[1], "2@2", true],
    [[1, 1, 1], "2@2", true],
    [[2], "2@1", false],
    [[2], "9@1", false],
    [[2], "1@1", false],
  ];
  for (const [terms, lastLog, granted] of cases) {
    const own = `${terms.length + 1}@${terms.at(-1)}`;
    it(`a voter whose log ends at ${own} ${granted ? "grants" : "denies"} ${lastLog}`, () => {
      const cluster = three();
      cluster.restore(1, { terms, term: 5 });
      cluster.nowMs += 1000;
      cluster.receive(1, 2, 6, requestVote(lastLog));
      assert.equal(cluster.lastSent("requestVoteReply", 1, 2)?.message.voteGranted, granted);
      assert.equal(cluster.status(1).term, 6);
    });
  }

  it("the request tells about the candidate's log: index and term of its last entry", () => {
    const cluster = three();
    cluster.restore(1, { terms: [2, 2, 4], term: 4 });
    cluster.campaign(1);
    cluster.receive(1, 2, 4, preVoteReply(5));
    const lastLog = { index: 4, term: 4 };
    assert.deepEqual(cluster.lastSent("preVote", 1, 2)?.message.lastLog, lastLog);
    assert.deepEqual(cluster.lastSent("requestVote", 1, 2)?.message.lastLog, lastLog);
  });
});

describe("Thesis §9.6, PreVote", () => {
  it("a server first asks whether others would vote for it, and only then raises its term", () => {
    const cluster = scenes.precandidate();
    const { role, term, votedFor } = cluster.status(1);
    assert.deepEqual({ role, term, votedFor }, {
      role: "precandidate",
      term: 1,
      votedFor: undefined,
    });
    assert.equal(cluster.node(1).disk.batchNumber, 1, "nothing was written");
  });

  it("the answer changes nothing at the voter, and several may be granted", () => {
    const cluster = three();
    cluster.nowMs += 1000;
    for (const asker of [2, 3]) {
      cluster.receive(1, asker, 4, preVote("1@1"));
      const answer = cluster.lastSent("preVoteReply", 1, asker);
      assert.deepEqual([answer?.term, answer?.message.voteGranted], [1, true]);
    }
    const { term, votedFor, role } = cluster.status(1);
    assert.deepEqual([term, votedFor, role], [1, undefined, "follower"]);
  });

  it("a voter in a lower term takes part: its grant counts", () => {
    const cluster = three();
    cluster.restore(1, { terms: [], term: 8 });
    cluster.campaign(1);
    cluster.receive(1, 2, 3, preVoteReply(9));
    assert.deepEqual([cluster.status(1).role, cluster.status(1).term], ["candidate", 9]);
  });

  it("a grant for another round does not count", () => {
    const cluster = scenes.precandidate();
    cluster.receive(1, 2, 1, preVoteReply(1));
    cluster.receive(1, 2, 1, preVoteReply(3));
    assert.equal(cluster.status(1).role, "precandidate");
  });

  it("it is refused to a log that is behind, and by whoever has heard of a leader", () => {
    const cluster = three();
    cluster.restore(1, { terms: [2], term: 2 });
    cluster.nowMs += 1000;
    cluster.receive(1, 2, 7, preVote("9@1"));
    assert.equal(cluster.lastSent("preVoteReply", 1, 2)?.message.voteGranted, false);
    cluster.receive(1, 3, 2, heartbeat(1, 1));
    cluster.receive(1, 2, 7, preVote("9@2"));
    assert.equal(cluster.lastSent("preVoteReply", 1, 2)?.message.voteGranted, false);
  });
});

describe("Thesis §4.2.3 and §6.2, leaders that are heard", () => {
  it("who heard a leader within the minimum election timeout adopts no term, gives no vote", () => {
    const cluster = three();
    cluster.receive(1, 2, 2, heartbeat(1, 1));
    cluster.nowMs += 999;
    cluster.receive(1, 3, 9, requestVote("9@9"));
    assert.equal(cluster.status(1).term, 2);
    assert.equal(cluster.lastSent("requestVoteReply", 1, 3), undefined);
    cluster.nowMs += 1;
    cluster.receive(1, 3, 9, requestVote("9@9"));
    assert.equal(cluster.lastSent("requestVoteReply", 1, 3)?.message.voteGranted, true);
  });

  it("nor within that time of the own start: a lease may hold that counts on this node", () => {
    const cluster = restarted();
    cluster.receive(1, 3, 9, requestVote("9@9"));
    assert.equal(cluster.status(1).term, 2);
  });

  it("nor by a leader that a quorum still answers", () => {
    const cluster = scenes.leader();
    cluster.receive(1, 3, 9, requestVote("9@9"));
    assert.deepEqual([cluster.status(1).role, cluster.status(1).term], ["leader", 2]);
  });

  it("a candidate told by its leader to take over is heard all the same (§3.10)", () => {
    const cluster = three();
    cluster.receive(1, 2, 2, heartbeat(1, 1));
    cluster.receive(1, 3, 3, requestVote("1@1", true));
    assert.equal(cluster.lastSent("requestVoteReply", 1, 3)?.message.voteGranted, true);
  });

  it("a leader without a quorum for an election timeout steps down, with its term and vote", () => {
    const cluster = scenes.leader();
    cluster.advance(1000);
    assert.equal(cluster.status(1).role, "leader");
    cluster.advance(50);
    const { role, term, votedFor } = cluster.status(1);
    assert.deepEqual({ role, term, votedFor }, { role: "follower", term: 2, votedFor: 1 });
  });
});
