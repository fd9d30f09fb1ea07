/**
 * Sentences of the Raft paper about the log: replication (§5.3), commitment (§5.4), crashes (§5.5),
 * compaction (§7) and clients (§8), and of Ongaro's thesis about writing to disk in parallel.
 */

import { compactedCluster, figure7, figure8 } from "../../harness/raft_scenes.ts";
import { RaftCluster } from "../../harness/raft_cluster.ts";
import {
  appendEntries,
  entryAt,
  heartbeat,
  heartbeatReply,
  matched,
} from "../../harness/raft_messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

const three = (): RaftCluster => new RaftCluster({ voters: [1, 2, 3] });

/** Node 1 leads term 2, its no-op 2@2 is committed everywhere. */
function led(): RaftCluster {
  const cluster = three();
  cluster.elect(1);
  return cluster;
}

describe("Paper §5.3, log replication", () => {
  it("the leader appends the command as a new entry and sends it to all others at once", () => {
    const cluster = led();
    cluster.propose(1, "a");
    for (const to of [2, 3]) {
      const { message } = cluster.lastSent("appendEntries", 1, to)!;
      assert.deepEqual(message.prevLog, { index: 2, term: 2 });
      assert.deepEqual(message.entries.map(({ index, term }) => [index, term]), [[3, 2]]);
    }
  });

  for (const [voters, acks, commits] of committing()) {
    it(`of ${voters} voters, ${acks} acknowledgements commit: ${commits}`, () => {
      const ids = Array.from({ length: voters }, (_, at) => at + 1);
      const cluster = new RaftCluster({ voters: ids });
      cluster.elect(1);
      cluster.propose(1, "a");
      for (const id of ids.slice(1, acks + 1)) cluster.receive(1, id, 2, matched("3@2"));
      assert.equal(cluster.status(1).commitIndex, commits ? 3 : 2);
    });
  }

  it("a learner's acknowledgement does not commit (thesis §4.2.1)", () => {
    const cluster = new RaftCluster({ voters: [1, 2, 3], learners: [4, 5] });
    cluster.elect(1);
    cluster.propose(1, "a");
    for (const id of [4, 5]) cluster.receive(1, id, 2, matched("3@2"));
    assert.equal(cluster.status(1).commitIndex, 2);
    cluster.receive(1, 3, 2, matched("3@2"));
    assert.equal(cluster.status(1).commitIndex, 3);
  });

  it("committing an entry commits all before it, also those of earlier leaders", () => {
    const cluster = three();
    cluster.restore(1, { terms: [2, 3], term: 3 });
    cluster.elect(1);
    assert.equal(cluster.status(1).termStart, 4);
    assert.equal(cluster.status(1).commitIndex, 4);
  });

  it("the leader tells the commit index, and followers then apply in the order of the log", () => {
    const cluster = three();
    cluster.receive(1, 2, 2, appendEntries("1@1", ["2@2", "3@2"], 1));
    assert.equal(cluster.node(1).applied.index, 1);
    cluster.receive(1, 2, 2, appendEntries("3@2", ["4@2"], 3));
    assert.equal(cluster.node(1).applied.index, 3);
    cluster.receive(1, 2, 2, heartbeat(1, 4));
    assert.equal(cluster.node(1).applied.index, 4);
  });

  for (const prevLog of ["2@1", "3@3", "9@4"]) {
    it(`a follower with the log 1@1 2@2 3@2 refuses entries behind ${prevLog}`, () => {
      const cluster = three();
      cluster.restore(1, { terms: [2, 2], term: 4 });
      const next = `${Number(prevLog.split("@")[0]) + 1}@4`;
      cluster.receive(1, 2, 4, appendEntries(prevLog, [next]));
      assert.deepEqual(cluster.positions(1), ["1@1", "2@2", "3@2"]);
      assert.equal(cluster.lastSent("appendEntriesReply", 1, 2)?.message.result.kind, "conflict");
    });
  }

  it("a leader never overwrites or deletes entries in its log", () => {
    const cluster = led();
    cluster.propose(1, "a");
    cluster.receive(1, 3, 2, appendEntries("1@1", ["2@2"], 3));
    assert.deepEqual(cluster.positions(1), ["1@1", "2@2", "3@2"]);
  });

  for (const follower of figure7.followers) {
    it(`the follower (${follower.name}) of figure 7 is brought to the leader's log`, () => {
      const cluster = figure7.cluster(follower);
      cluster.elect(1);
      cluster.run(500);
      assert.deepEqual(cluster.positions(2), cluster.positions(1));
      assert.equal(cluster.positions(1).length, 12);
    });

    it(`and (${follower.name}) costs at most one refusal for each term that conflicts`, () => {
      const cluster = figure7.cluster(follower);
      cluster.elect(1);
      cluster.run(500);
      const refusals = cluster.sent.filter(({ from, message }) =>
        from === 2 && message.kind === "appendEntriesReply" && message.result.kind === "conflict"
      );
      assert.ok(refusals.length <= follower.divergentTerms + 1, `${refusals.length} refusals`);
    });
  }

  it("the leader retries for ever, also after it has answered its client", () => {
    const cluster = led();
    cluster.network.cut(1, 3);
    cluster.propose(1, "a");
    cluster.run(5000);
    assert.equal(cluster.status(1).commitIndex, 3);
    assert.deepEqual(cluster.positions(3), ["1@1", "2@2"]);
    cluster.network.heal();
    cluster.run(500);
    assert.deepEqual(cluster.positions(3), cluster.positions(1));
  });
});

function committing(): readonly (readonly [number, number, boolean])[] {
  return [
    ...[[1, 0, true], [2, 0, false], [2, 1, true], [3, 0, false], [3, 1, true]],
    ...[[4, 1, false], [4, 2, true], [5, 1, false], [5, 2, true], [6, 2, false], [6, 3, true]],
  ] as [number, number, boolean][];
}

describe("Paper figure 2, receiver of AppendEntries", () => {
  it("3: an entry that conflicts goes, and all that follow it", () => {
    const cluster = three();
    cluster.restore(1, { terms: [2, 2, 2], term: 3 });
    cluster.receive(1, 2, 3, appendEntries("2@2", ["3@3"]));
    assert.deepEqual(cluster.positions(1), ["1@1", "2@2", "3@3"]);
  });

  it("3: entries that do not conflict stay, however short or late the message is", () => {
    const cluster = three();
    cluster.receive(1, 2, 2, appendEntries("1@1", ["2@2", "3@2", "4@2"]));
    cluster.receive(1, 2, 2, appendEntries("1@1", ["2@2"]));
    cluster.receive(1, 2, 2, appendEntries("1@1"));
    assert.deepEqual(cluster.positions(1), ["1@1", "2@2", "3@2", "4@2"]);
  });

  it("4: only what is not in the log yet is appended (§5.5, the RPCs are idempotent)", () => {
    const cluster = three();
    for (let times = 0; times < 3; times++) {
      cluster.receive(1, 2, 2, appendEntries("1@1", ["2@2", "3@2"]));
    }
    assert.deepEqual(cluster.positions(1), ["1@1", "2@2", "3@2"]);
    assert.equal(cluster.node(1).disk.batchNumber, 2, "one write was enough");
  });

  it("5: commitIndex is min(leaderCommit, index of the last entry of this message)", () => {
    const cluster = three();
    // Entries 3@2 and 4@2 stem from a leader that is gone: they are not the new leader's.
    cluster.restore(1, { terms: [2, 2, 2], term: 3 });
    cluster.receive(1, 2, 3, appendEntries("1@1", ["2@2"], 4));
    assert.equal(cluster.status(1).commitIndex, 2);
    cluster.receive(1, 2, 3, heartbeat(1, 4));
    assert.equal(cluster.status(1).commitIndex, 2);
    cluster.receive(1, 2, 3, appendEntries("2@2", ["3@3"], 4));
    assert.equal(cluster.status(1).commitIndex, 3);
    assert.deepEqual(cluster.positions(1), ["1@1", "2@2", "3@3"]);
  });

  it("the answer leaves only once the entries are on disk", () => {
    const cluster = three();
    cluster.node(1).diskIsAutomatic = false;
    cluster.receive(1, 2, 2, appendEntries("1@1", ["2@2"]));
    cluster.receive(1, 2, 2, appendEntries("1@1", ["2@2"]));
    assert.equal(cluster.lastSent("appendEntriesReply", 1, 2), undefined);
    cluster.node(1).persistOldest(cluster.nowMs);
    const { result } = cluster.lastSent("appendEntriesReply", 1, 2)!.message;
    assert.deepEqual(result, { kind: "matched", position: { index: 2, term: 2 } });
  });

  it("entries with a gap, with falling terms or of a later term are ignored", () => {
    const cluster = three();
    const broken = [["3@2"], ["2@2", "4@2"], ["2@2", "3@1"], ["2@3"]];
    for (const entries of broken) cluster.receive(1, 2, 2, appendEntries("1@1", entries));
    cluster.receive(1, 2, 2, appendEntries("1@1", [entryAt("2@2", "no members", "configuration")]));
    assert.deepEqual(cluster.positions(1), ["1@1"]);
  });
});

describe("Paper §5.4.2, committing entries from previous terms", () => {
  it("figure 8: an entry of an earlier term is not committed by counting", () => {
    const cluster = figure8();
    assert.deepEqual(cluster.positions(3), ["1@1", "2@2"]);
    const { role, commitIndex, peers } = cluster.status(1);
    assert.deepEqual({ role, commitIndex }, { role: "leader", commitIndex: 1 });
    assert.deepEqual(peers.map(({ match }) => match), [3, 2, 0, 0], "and the leader knows it");
  });

  it("figure 8: it is committed along with the first entry of the leader's own term", () => {
    const cluster = figure8();
    cluster.run(500);
    assert.deepEqual([cluster.status(1).termStart, cluster.status(1).commitIndex], [3, 3]);
  });
});

describe("Thesis §10.2.1, writing to the leader's disk in parallel", () => {
  it("the leader sends entries before it has them on its own disk", () => {
    const cluster = led();
    cluster.node(1).diskIsAutomatic = false;
    cluster.propose(1, "a");
    assert.equal(cluster.lastSent("appendEntries", 1, 2)?.message.entries.length, 1);
    assert.deepEqual(cluster.positions(1), ["1@1", "2@2"]);
  });

  it("it counts itself only when its own copy is durable", () => {
    const cluster = led();
    cluster.node(1).diskIsAutomatic = false;
    cluster.propose(1, "a");
    cluster.receive(1, 2, 2, matched("3@2"));
    assert.equal(cluster.status(1).commitIndex, 2);
    cluster.node(1).persistOldest(cluster.nowMs);
    assert.equal(cluster.status(1).commitIndex, 3);
  });

  it("an entry may be committed before the leader holds it; it is applied there after", () => {
    const cluster = led();
    cluster.node(1).diskIsAutomatic = false;
    cluster.propose(1, "a");
    for (const id of [2, 3]) cluster.receive(1, id, 2, matched("3@2"));
    assert.equal(cluster.status(1).commitIndex, 3);
    assert.equal(cluster.node(1).applied.index, 2);
    cluster.node(1).persistOldest(cluster.nowMs);
    assert.equal(cluster.node(1).applied.index, 3);
  });
});

describe("Paper §7, log compaction", () => {
  it("entries behind the boundary are checked against the boundary's term", () => {
    const cluster = compactedCluster();
    cluster.receive(1, 2, 2, appendEntries("3@1", ["4@2"]));
    assert.equal(cluster.lastSent("appendEntriesReply", 1, 2)?.message.result.kind, "conflict");
    cluster.receive(1, 2, 2, appendEntries("3@2", ["4@2", "5@2"]));
    assert.deepEqual(cluster.positions(1), ["4@2", "5@2"]);
  });

  it("what lies below the boundary is committed, and therefore matches", () => {
    const cluster = compactedCluster();
    cluster.receive(1, 2, 2, appendEntries("1@1", ["2@2", "3@2", "4@2", "5@2"]));
    assert.deepEqual(cluster.positions(1), ["4@2", "5@2"]);
    cluster.receive(1, 2, 2, appendEntries("1@1", ["2@2"]));
    const { result } = cluster.lastSent("appendEntriesReply", 1, 2)!.message;
    assert.deepEqual(result, { kind: "matched", position: { index: 3, term: 2 } });
  });

  it("the boundary keeps the configuration and the time that were in force there", () => {
    const { boundary } = compactedCluster().node(1).disk;
    assert.deepEqual(boundary.position, { index: 3, term: 2 });
    assert.deepEqual(boundary.configuration.position, { index: 1, term: 1 });
  });
});

describe("Paper §8, clients", () => {
  it("a new leader commits a no-op of its own term at once", () => {
    const cluster = led();
    assert.deepEqual(cluster.node(1).disk.entriesHeld.map(({ kind }) => kind), [
      "configuration",
      "noop",
    ]);
    assert.equal(cluster.status(1).commitIndex, 2);
  });

  it("a follower tells who leads instead of taking a proposal", () => {
    const cluster = led();
    const id = cluster.propose(2, "a");
    assert.deepEqual(cluster.outcomes.at(-1)?.outcome, {
      ...{ kind: "dropped", id, reason: "notLeader", leader: 1 },
    });
  });
});

describe("Paper §5.5, crashes", () => {
  it("a follower that restarts goes on from its disk and holds what it acknowledged", () => {
    const cluster = led();
    cluster.propose(1, "a");
    cluster.settle();
    cluster.crash(2);
    cluster.propose(1, "b");
    cluster.restart(2);
    cluster.run(500);
    assert.deepEqual(cluster.positions(2), ["1@1", "2@2", "3@2", "4@2"]);
    assert.equal(cluster.node(2).applied.index, 4);
  });

  it("what a leader sent and nobody got is sent again once a heartbeat is answered", () => {
    const cluster = led();
    cluster.propose(1, "a");
    cluster.network.take({});
    cluster.run(300);
    assert.deepEqual(cluster.positions(2), ["1@1", "2@2", "3@2"]);
  });

  it("a leader whose own write is lost in a crash does not lose what others hold", () => {
    const cluster = led();
    cluster.node(1).diskIsAutomatic = false;
    cluster.propose(1, "a");
    cluster.settle();
    assert.equal(cluster.status(1).commitIndex, 3);
    cluster.crash(1);
    cluster.elect(2);
    cluster.restart(1);
    cluster.node(1).diskIsAutomatic = true;
    cluster.run(500);
    assert.deepEqual(cluster.positions(1).slice(0, 3), ["1@1", "2@2", "3@2"]);
  });

  it("an acknowledgement of an earlier term does not count, even for the same position", () => {
    // Node 1 led term 2, and leads term 4. In between node 2 may have replaced what it confirmed.
    const cluster = three();
    cluster.restore(1, { terms: [2], term: 3 });
    cluster.restore(3, { terms: [], term: 3 });
    cluster.network.cut(1, 2);
    cluster.elect(1);
    const before = cluster.status(1).peers;
    cluster.receive(1, 2, 2, matched("2@2"));
    assert.deepEqual(cluster.status(1).peers, before);
  });

  it("an acknowledgement of another entry at that index does not count (ABA)", () => {
    const cluster = led();
    cluster.propose(1, "a");
    cluster.receive(1, 2, 2, matched("3@1"));
    assert.equal(cluster.status(1).commitIndex, 2);
  });

  it("a stale answer to a heartbeat of an earlier term changes nothing", () => {
    const cluster = led();
    const before = cluster.status(1);
    cluster.receive(1, 2, 1, heartbeatReply(9, 9));
    cluster.receive(1, 2, 1, matched("9@1"));
    assert.deepEqual(cluster.status(1), before);
  });
});
