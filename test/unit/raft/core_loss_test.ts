/** A node that hears from others what its own disk does not show (src/raft/loss.ts). */

import type { Message } from "../../../src/raft/message.ts";
import type { Loss } from "../../../src/raft/ready.ts";
import { RaftCluster } from "../../harness/raft_cluster.ts";
import { appendEntries, heartbeat, preVote, requestVote } from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

interface Scene {
  readonly cluster: RaftCluster;
  readonly losses: Loss[];
  /** A message of node 1, which leads in term 2, to node 3. */
  say(message: Message, more?: Partial<{ term: number; toEpoch: number; fromEpoch: number }>): void;
}

/** Node 1 leads in term 2; `a` stands at 3@2 everywhere, and is acknowledged. */
function led(): Scene {
  const losses: Loss[] = [];
  const cluster = new RaftCluster({
    voters: [1, 2, 3],
    watch: { lost: (_, loss) => losses.push(loss) },
  });
  cluster.elect(1);
  cluster.propose(1, "a");
  cluster.run(100);
  return {
    cluster,
    losses,
    say: (message, more = {}) => {
      const head = { from: 1, to: 3, fromEpoch: 0, toEpoch: 0, term: 2, ...more };
      cluster.step(3, { kind: "receive", envelope: { ...head, message } });
    },
  };
}

describe("A heartbeat that claims more than the log holds durably", () => {
  it("is proof of a loss, and names who claims what", () => {
    const { cluster, losses, say } = led();
    say(heartbeat(9, 3, "4@2"));
    assert.deepEqual(losses, [{
      reason: "node 1 counts entry 4 of term 2 as stored here, the log ends at 3",
      logEpoch: 1,
    }]);
    assert.equal(cluster.node(3).isRunning, false);
  });

  it("is none where it claims the last durable entry, or one before it, or nothing", () => {
    const { cluster, losses, say } = led();
    for (const match of ["3@2", "2@2", "1@1", "0@0"]) say(heartbeat(9, 3, match));
    assert.deepEqual([losses, cluster.node(3).isRunning], [[], true]);
  });

  it("is proof where the log holds the entry in memory alone", () => {
    const { cluster, losses, say } = led();
    cluster.node(3).diskIsAutomatic = false;
    say(appendEntries("3@2", ["4@2"], 3));
    say(heartbeat(9, 3, "3@2"));
    assert.deepEqual([losses.length, cluster.status(3).lastIndex], [0, 4]);
    say(heartbeat(9, 3, "4@2"));
    assert.equal(losses.length, 1);
  });

  it("is proof where the log holds another entry in that place", () => {
    const { losses, say, cluster } = led();
    cluster.restore(3, { terms: [1, 1, 1], term: 2 });
    say(heartbeat(9, 1, "3@2"));
    assert.match(losses[0]?.reason ?? "", /entry 3 of term 2 .* the log holds one of term 1$/);
  });

  it("is proof where the log holds the entry, and is from before that term", () => {
    const { losses, say, cluster } = led();
    cluster.restore(3, { terms: [1, 1], term: 1 });
    say(heartbeat(9, 1, "3@1"));
    assert.match(losses[0]?.reason ?? "", /the last term on disk is 1, not 2$/);
  });

  it("is none in a higher term as long as it claims nothing", () => {
    const { cluster, losses, say } = led();
    say(heartbeat(1, 3), { term: 5 });
    assert.deepEqual([losses, cluster.status(3).term], [[], 5]);
  });

  it("is none when it is of an earlier term: what it claims may have been replaced", () => {
    const { cluster, losses, say } = led();
    cluster.restore(3, { terms: [2, 2], term: 2 });
    say(appendEntries("2@2", ["3@3"], 2), { term: 3 });
    say(heartbeat(9, 3, "3@2"));
    say(heartbeat(9, 3, "9@2"));
    assert.deepEqual([losses, cluster.positions(3)], [[], ["1@1", "2@2", "3@3"]]);
  });

  it("is none when it is for an earlier epoch: that this was lost is known", () => {
    const { cluster, losses, say } = led();
    cluster.lose(3, 2);
    cluster.restart(3);
    say(heartbeat(9, 3, "3@2"));
    assert.deepEqual([losses, cluster.status(3).recovering], [[], true]);
  });

  it("is proof to a recovering node, too: what it acknowledged since it had then", () => {
    const { cluster, losses, say } = led();
    cluster.lose(3, 2);
    cluster.restart(3);
    say(heartbeat(9, 3, "1@1"), { toEpoch: 1 });
    assert.equal(losses.length, 0);
    say(heartbeat(9, 3, "2@2"), { toEpoch: 1 });
    assert.equal(losses[0]?.logEpoch, 2);
  });

  it("counts from whatever epoch its sender speaks", () => {
    const { losses, say } = led();
    say(heartbeat(9, 3, "3@2"), { fromEpoch: 2 });
    say(heartbeat(9, 3, "4@2"), { fromEpoch: 1 });
    assert.equal(losses.length, 1);
  });
});

describe("A message to a later epoch than the own", () => {
  const messages: readonly Message[] = [
    heartbeat(9, 3),
    appendEntries("3@2", [], 3),
    preVote("9@9"),
    requestVote("9@9"),
    { kind: "timeoutNow" },
    { kind: "heartbeatReply", round: 1, verifiedIndex: 0, appliedIndex: 0 },
  ];
  for (const message of messages) {
    it(`is proof that the identity is an old one: ${message.kind}`, () => {
      const { cluster, losses, say } = led();
      const before = cluster.sent.length;
      say(message, { toEpoch: 4, term: 1 });
      assert.deepEqual(losses, [{
        reason: "node 1 has heard of epoch 4 of this log, here it is at 0",
        logEpoch: 5,
      }]);
      assert.equal(cluster.sent.length, before);
    });
  }
});

describe("A core to which a loss was shown", () => {
  it("says nothing any more, not even what it had ready, and writes and applies nothing", () => {
    const { cluster } = led();
    const { core } = cluster.node(3);
    const at = (message: Message) => ({
      kind: "receive" as const,
      envelope: { from: 1, to: 3, fromEpoch: 0, toEpoch: 0, term: 2, message },
    });
    core.step(at(appendEntries("3@2", ["4@2"], 4)), cluster.nowMs);
    core.step(at(heartbeat(9, 4, "3@2")), cluster.nowMs);
    core.step(at(heartbeat(9, 4, "9@2")), cluster.nowMs);
    const { send, write, committed, loss } = core.ready({ write: true, applyBytesMax: 1e6 })!;
    assert.deepEqual([send, write, committed], [[], undefined, []]);
    assert.equal(loss?.logEpoch, 1);
    core.step(at(heartbeat(10, 4, "3@2")), cluster.nowMs);
    core.step({ kind: "tick" }, cluster.nowMs + 10_000);
    assert.equal(core.ready({ write: true, applyBytesMax: 1e6 }), undefined);
    assert.deepEqual([core.status().recovering, core.status().role], [true, "follower"]);
  });

  it("does not lead on, and has no lease", () => {
    const { cluster, losses } = led();
    const outcomes = cluster.outcomes.length;
    cluster.read(1);
    cluster.step(1, {
      kind: "receive",
      envelope: { from: 2, to: 1, fromEpoch: 0, toEpoch: 1, term: 2, message: heartbeat(1, 1) },
    });
    assert.equal(losses[0]?.logEpoch, 2);
    const told = cluster.outcomes.slice(outcomes).map(({ outcome }) => outcome.kind);
    assert.deepEqual([told, cluster.node(1).isRunning], [["readDropped"], false]);
  });
});

describe("The vote of a term that a recovering node enters", () => {
  it("counts as given: it may have been in that term before it lost something", () => {
    const { cluster, say } = led();
    cluster.lose(3, 9);
    cluster.node(3).disk.hardState = { currentTerm: 1, votedFor: 3, commitIndex: 1 };
    cluster.restart(3);
    say(appendEntries("3@2", [], 3), { toEpoch: 1 });
    assert.deepEqual([cluster.status(3).recovering, cluster.status(3).term], [false, 2]);
    cluster.receive(3, 2, 2, requestVote("9@2", true));
    assert.equal(cluster.lastSent("requestVoteReply", 3, 2)?.message.voteGranted, false);
    // The next term is a new one.
    cluster.receive(3, 2, 3, requestVote("9@2", true));
    assert.equal(cluster.lastSent("requestVoteReply", 3, 2)?.message.voteGranted, true);
  });
});
