/** Proposals from the door of a node to what its client is told. */

import type { ProposeOutcome } from "../../../src/node/pending.ts";
import { del, put } from "../../harness/kv_commands.ts";
import { heartbeat } from "../../harness/raft_messages.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimNode, Told } from "../../harness/sim_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** What was told, without the store's own words. */
function said(told: Told<ProposeOutcome<unknown>>): readonly string[] {
  return told.map((outcome) =>
    outcome.kind === "applied" ? "applied" : `${outcome.kind} ${outcome.reason}`
  );
}

function formed(options: ConstructorParameters<typeof SimCluster>[0] = {}) {
  const cluster = new SimCluster(options);
  const leader = cluster.form();
  return { cluster, leader };
}

/** Cut off from its followers, a leader can append and cannot commit. */
function cutOff(): { readonly cluster: SimCluster; readonly leader: SimNode } {
  const made = formed();
  made.cluster.isolate(made.leader);
  return made;
}

describe("A proposal that is committed", () => {
  it("is told with its position and the store's result, and stands on every node", () => {
    const { cluster, leader } = formed();
    const told = leader.put("a", "1");
    cluster.until(() => told.length > 0, "the outcome");
    const [outcome] = told;
    assert.ok(outcome?.kind === "applied");
    assert.deepEqual(outcome.position, {
      index: leader.status().applied,
      term: leader.status().term,
    });
    assert.deepEqual(outcome.result, { kind: "put", revision: 2, create: 2, version: 1 });
    cluster.level();
    assert.deepEqual(cluster.nodes.map((node) => node.value("a")), ["1", "1", "1"]);
  });

  it("is told in the order of proposing, each with its own result", () => {
    const { cluster, leader } = formed();
    const results: string[] = [];
    for (let at = 0; at < 5; at++) {
      const told = leader.put("a", `${at}`);
      cluster.run(1);
      cluster.until(() => told.length === 1, "the outcome");
      const [outcome] = told;
      if (outcome?.kind === "applied" && outcome.result.kind === "put") {
        results.push(`${outcome.result.revision} ${outcome.result.version}`);
      }
    }
    assert.deepEqual(results, ["2 1", "3 2", "4 3", "5 4", "6 5"]);
  });

  it("is decided by the store, conditions included", () => {
    const { cluster, leader } = formed();
    const create = { conditions: { ifNoneMatch: "any" } } as const;
    const [first, second] = [put("a", "1", create), put("a", "2", create)].map((operation) =>
      leader.propose(operation)
    );
    cluster.until(() => second?.length === 1, "both");
    const kinds = [first?.[0], second?.[0]].map((outcome) =>
      outcome?.kind === "applied" ? outcome.result.kind : outcome?.kind
    );
    assert.deepEqual(kinds, ["put", "conditionFailed"]);
    assert.equal(leader.value("a"), "1");
  });

  it("is durable on a majority before it is told, and survives a power cut of all nodes", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { cluster, leader } = formed({ seed });
      const told = leader.put("a", "1");
      cluster.until(() => told.length > 0, "the outcome");
      for (const node of cluster.nodes) node.kill();
      const again = cluster.form();
      assert.equal(again.value("a"), "1", `seed ${seed}`);
    }
  });

  it("needs no peers where there are none", () => {
    const { cluster, leader } = formed({ ids: [7] });
    cluster.write("a", "1");
    leader.kill();
    leader.start();
    cluster.leader();
    cluster.until(() => leader.value("a") === "1", "the value after the restart");
  });
});

describe("Group commit", () => {
  it("all proposals of a turn share one write, and one message to each peer", () => {
    const { cluster, leader } = formed();
    cluster.run(30);
    const before = leader.writes.length;
    const appends = countAppends(cluster, leader);
    const told = Array.from({ length: 50 }, (_, at) => leader.put(`k${at}`, "v"));
    cluster.until(() => told.every(({ length }) => length === 1), "all outcomes");
    const entries = leader.writes.slice(before).map((write) => write.entries.length);
    assert.deepEqual(entries, [50]);
    assert.equal(countAppends(cluster, leader) - appends, 2);
    for (const follower of cluster.others(leader)) {
      cluster.until(() => follower.value("k49") === "v", "the followers");
      assert.equal(follower.writes.at(-1)?.entries.length, 50);
    }
  });

  it("what arrives during a write shares the next one", () => {
    const { cluster, leader } = formed();
    cluster.run(30);
    const before = leader.writes.length;
    leader.disk.stall(100_000);
    const told = [leader.put("first", "v")];
    for (let at = 0; at < 20; at++) {
      cluster.run(2);
      told.push(leader.put(`k${at}`, "v"));
    }
    cluster.until(() => told.every(({ length }) => length === 1), "all outcomes");
    const entries = leader.writes.slice(before).map((write) => write.entries.length);
    assert.deepEqual(entries, [1, 20]);
  });

  it("one turn takes no more than its limit, and the next one goes on", () => {
    const { cluster, leader } = formed({ config: { "raft.turn_inputs_max": "10" } });
    cluster.run(30);
    const before = leader.writes.length;
    const told = Array.from({ length: 25 }, (_, at) => leader.put(`k${at}`, "v"));
    cluster.until(() => told.every(({ length }) => length === 1), "all outcomes");
    const first = leader.writes[before]?.entries.length;
    assert.equal(first, 10);
    assert.ok(told.every((each) => each[0]?.kind === "applied"));
  });

  it("the followers write while the leader does, which counts only what is durable", () => {
    const { cluster, leader } = formed();
    cluster.run(30);
    leader.disk.stall(500_000);
    const told = leader.put("a", "1");
    const follower = cluster.others(leader)[0]!;
    const before = follower.writes.length;
    cluster.until(() => follower.writes.length > before, "the follower's write", 100);
    assert.deepEqual(told, [], "two of three have it, but the leader counts only what is durable");
  });
});

describe("A proposal that was never appended", () => {
  it("is told so at a node that does not lead, with the leader's id", () => {
    const { cluster, leader } = formed();
    const told = cluster.others(leader)[0]!.put("a", "1");
    cluster.run(100);
    assert.deepEqual(told, [{ kind: "notApplied", reason: "notLeader", leader: leader.id }]);
  });

  it("is told so where the door is full, by count", () => {
    const { cluster, leader } = formed({ config: { "limits.requests_waiting_max": "2" } });
    const told = Array.from({ length: 3 }, (_, at) => leader.put(`k${at}`, "v"));
    assert.deepEqual(told.map(said), [[], [], ["notApplied overloaded"]]);
    cluster.run(1_000);
    assert.deepEqual(told.map(said), [["applied"], ["applied"], ["notApplied overloaded"]]);
    assert.equal(leader.value("k2"), undefined);
  });

  it("is told so where the door is full, by bytes", () => {
    const bytes = `${18 * 1024 * 1024}`;
    const { cluster, leader } = formed({ config: { "limits.requests_waiting_bytes_max": bytes } });
    const value = new Uint8Array(7 * 1024 * 1024);
    const told = ["a", "b", "c"].map((key) => leader.propose(put(key, value)));
    cluster.run(1_000);
    assert.deepEqual(told.map(said), [["applied"], ["applied"], ["notApplied overloaded"]]);
  });

  it("is told so where too much is appended and not committed", () => {
    const bytes = `${18 * 1024 * 1024}`;
    const { cluster, leader } = formed({ config: { "raft.uncommitted_bytes_max": bytes } });
    cluster.isolate(leader);
    const value = new Uint8Array(7 * 1024 * 1024);
    const told = ["a", "b", "c"].map((key) => leader.propose(put(key, value)));
    cluster.run(50);
    assert.deepEqual(told.map(said), [[], [], ["notApplied overloaded"]]);
  });

  it("is told so where it is too large for an entry", () => {
    const { cluster, leader } = formed();
    const told: ProposeOutcome<unknown>[] = [];
    const data = new Uint8Array(18 * 1024 * 1024);
    leader.formed?.node.propose(data, Infinity, (outcome) => told.push(outcome));
    cluster.run(10);
    assert.deepEqual(said(told), ["notApplied tooLarge"]);
  });

  it("is told so while the leader hands over", () => {
    const { cluster, leader } = formed();
    const target = cluster.others(leader)[0]!;
    // It lives and does not answer: the transfer waits for it.
    target.pause();
    leader.put("a", "1");
    cluster.run(20);
    leader.transfer(target.id);
    cluster.run(20);
    const told = leader.put("b", "1");
    cluster.run(20);
    assert.deepEqual(said(told), ["notApplied transferring"]);
    assert.equal(leader.value("b"), undefined);
  });

  it("is told so when its time was up in the queue, and is never appended", () => {
    const { cluster, leader } = formed();
    const told = leader.put("a", "1", 500);
    leader.pause();
    cluster.run(900);
    leader.resume();
    cluster.run(3_000);
    assert.deepEqual(said(told), ["notApplied expiredInQueue"]);
    assert.deepEqual(cluster.nodes.map((node) => node.value("a")), [
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("is told so when the node closes first, or is closed", () => {
    const { cluster, leader } = formed();
    const { node } = leader.formed!;
    const waiting = leader.put("a", "1");
    node.close(() => {});
    assert.deepEqual(said(waiting), ["notApplied closing"]);
    assert.deepEqual(said(leader.put("b", "1")), ["notApplied closing"]);
    cluster.run(5_000);
    assert.deepEqual(cluster.others(leader).map((other) => other.value("a")), [
      undefined,
      undefined,
    ]);
  });

  it("stays so when leadership is lost before its turn came", () => {
    const { cluster, leader } = formed({ config: { "raft.turn_inputs_max": "1" } });
    cluster.isolate(leader);
    const term = leader.status().term;
    cluster.until(() => cluster.others(leader).some((node) => node.leads), "another leader");
    assert.equal(leader.status().term, term);
    assert.ok(!leader.leads);
    cluster.network.heal();
    cluster.run(3_000);
    const second = cluster.leader();
    // The first proposal is taken in the turn in which the leader hears of a higher term.
    const told = Array.from({ length: 5 }, (_, at) => second.put(`k${at}`, "v"));
    second.formed?.node.receive({
      from: leader.id,
      to: second.id,
      fromEpoch: 1,
      toEpoch: 1,
      term: second.status().term + 1,
      message: heartbeat(1, 0),
    });
    cluster.run(5_000);
    assert.deepEqual(told.map(said), Array.from({ length: 5 }, () => ["notApplied notLeader"]));
  });
});

describe("A proposal that was appended, and of which nothing more is known", () => {
  it("is unknown when leadership is lost, also where the next leader replaces it", () => {
    const { cluster, leader } = cutOff();
    const told = leader.put("a", "1", 60_000);
    cluster.until(() => told.length > 0, "the outcome");
    assert.deepEqual(said(told), ["unknown leadershipLost"]);
    cluster.until(() => cluster.others(leader).some((node) => node.leads), "another leader");
    cluster.network.heal();
    cluster.write("b", "1");
    cluster.level();
    assert.equal(leader.value("a"), undefined);
    assert.deepEqual(said(told), ["unknown leadershipLost"]);
  });

  it("is unknown when leadership is lost, also where the next leader commits it", () => {
    const { cluster, leader } = formed();
    const [heir, other] = cluster.others(leader);
    // The heir gets the entry; its answer does not get back.
    cluster.network.cut(heir!.address, leader.address);
    cluster.network.partition([[other!.address], [leader.address, heir!.address]]);
    cluster.network.cut(heir!.address, leader.address);
    const told = leader.put("a", "1", 60_000);
    cluster.until(() => told.length > 0, "the outcome");
    assert.deepEqual(said(told), ["unknown leadershipLost"]);
    leader.kill();
    cluster.network.heal();
    cluster.until(() => other!.value("a") === "1", "the heir to commit it");
  });

  it("is unknown at the deadline, and is told once although it commits later", () => {
    const { cluster, leader } = formed();
    for (const follower of cluster.others(leader)) follower.disk.stall(700_000);
    const told = leader.put("a", "1", 300);
    cluster.run(299);
    assert.deepEqual(told, []);
    cluster.run(60);
    assert.deepEqual(said(told), ["unknown timeout"]);
    cluster.until(() => leader.value("a") === "1", "the write all the same");
    assert.deepEqual(said(told), ["unknown timeout"]);
  });

  it("is unknown when the node closes", () => {
    const { cluster, leader } = cutOff();
    const told = leader.put("a", "1");
    cluster.run(50);
    leader.formed?.node.close(() => {});
    assert.deepEqual(said(told), ["unknown closing"]);
    cluster.run(10_000);
    assert.equal(told.length, 1);
  });

  it("closes once, and does not act afterwards", () => {
    const { cluster, leader } = formed();
    const { node } = leader.formed!;
    let closed = 0;
    node.close(() => closed++);
    node.close(() => closed++);
    assert.equal(closed, 2);
    const before = leader.writes.length;
    node.turn();
    cluster.run(1_000);
    assert.equal(leader.writes.length, before);
  });
});

describe("A node whose storage breaks", () => {
  it("ends, and tells nobody that anything was applied", () => {
    const { cluster, leader } = formed({ ids: [1] });
    leader.disk.breakDown();
    const told = leader.propose(del("a"));
    cluster.run(100);
    assert.deepEqual(told, []);
    assert.match(leader.ended ?? "", /Cannot sync the log: EIO/);
  });

  it("ends also where the machine breaks an invariant", () => {
    const { cluster, leader } = formed({ ids: [1] });
    leader.store.tables.append = () => {
      throw new Error("The rows do not add up");
    };
    const told = leader.put("a", "1");
    cluster.run(100);
    assert.deepEqual(told, []);
    assert.equal(leader.ended, "The rows do not add up");
  });
});

function countAppends(cluster: SimCluster, leader: SimNode): number {
  const sent = new RegExp(`^\\d+ ${leader.id} to \\d+ term \\d+ appendEntries$`);
  return cluster.scheduler.traceLines.filter((line) => sent.test(line)).length;
}
