/** Reads of a node: what a round costs, what it waits for, and when nothing may be read. */

import type { ReadOutcome } from "../../../src/node/readers.ts";
import { get } from "../../harness/kv_commands.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimNode, Told } from "../../harness/sim_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

function formed(options: ConstructorParameters<typeof SimCluster>[0] = {}) {
  const cluster = new SimCluster(options);
  const leader = cluster.form();
  const [follower, other] = cluster.others(leader);
  return { cluster, leader, follower: follower!, other: other! };
}

function said(told: Told<ReadOutcome>): readonly string[] {
  return told.map((outcome) => outcome.kind === "readable" ? "readable" : outcome.reason);
}

/** How often a message of this kind has arrived at `to` from `from`. */
function count(cluster: SimCluster, kind: string, from: SimNode, to: SimNode): number {
  const wanted = ` ${from.id} to ${to.id} term `;
  return cluster.scheduler.traceLines.filter((line) =>
    line.includes(wanted) && line.endsWith(` ${kind}`)
  ).length;
}

/** Lets time pass up to just behind a heartbeat, so that none comes by itself for a while. */
function afterHeartbeat(cluster: SimCluster, leader: SimNode, follower: SimNode): void {
  const before = count(cluster, "heartbeat", leader, follower);
  const came = (): boolean => count(cluster, "heartbeat", leader, follower) > before;
  cluster.until(came, "a heartbeat", 1_000);
  cluster.run(5);
}

describe("A round of reads", () => {
  it("serves all reads of a turn at the leader, with one heartbeat to each peer", () => {
    const { cluster, leader, follower } = formed();
    afterHeartbeat(cluster, leader, follower);
    const before = count(cluster, "heartbeat", leader, follower);
    const told = Array.from({ length: 100 }, () => leader.readIndex());
    cluster.until(() => told.every(({ length }) => length === 1), "all reads", 50);
    assert.deepEqual(new Set(told.flatMap(said)), new Set(["readable"]));
    assert.equal(count(cluster, "heartbeat", leader, follower) - before, 1);
  });

  it("serves all reads of a turn at a follower, with one request to the leader", () => {
    const { cluster, leader, follower } = formed();
    const told = Array.from({ length: 100 }, () => follower.readIndex());
    cluster.until(() => told.every(({ length }) => length === 1), "all reads", 50);
    assert.equal(count(cluster, "readIndexRequest", follower, leader), 1);
    assert.equal(count(cluster, "readIndexReply", leader, follower), 1);
  });

  it("writes nothing to any log", () => {
    const { cluster, leader, follower } = formed();
    // Until the addresses of all are written down.
    cluster.run(3_000);
    const before = cluster.nodes.map(({ writes }) => writes.length);
    const told = [leader.readIndex(), follower.readIndex()];
    cluster.run(500);
    assert.deepEqual(told.map(said), [["readable"], ["readable"]]);
    assert.deepEqual(cluster.nodes.map(({ writes }) => writes.length), before);
  });

  it("shows at any node what was told as applied at the leader before it began", () => {
    const { cluster, leader, follower, other } = formed();
    for (let at = 1; at <= 20; at++) {
      cluster.write("a", `${at}`);
      for (const node of [follower, leader, other]) {
        let seen: string | undefined;
        const { node: inner } = node.formed!;
        inner.readIndex(node.clock.monotonicMs() + 5_000, () => seen = node.value("a"));
        cluster.until(() => seen !== undefined, "the read", 200);
        assert.equal(seen, `${at}`);
      }
    }
  });

  it("needs no peers where there are none", () => {
    const { cluster, leader } = formed({ ids: [4] });
    const told = leader.readIndex();
    cluster.run(1);
    assert.deepEqual(said(told), ["readable"]);
  });
});

describe("A read that cannot be confirmed", () => {
  it("is not answered by a leader that nobody follows any more", () => {
    const { cluster, leader } = formed();
    cluster.write("a", "old");
    cluster.isolate(leader);
    const told = leader.readIndex(60_000);
    cluster.until(() => cluster.others(leader).some((node) => node.leads), "another leader");
    cluster.write("a", "new");
    assert.deepEqual(told, []);
    cluster.network.heal();
    cluster.until(() => told.length > 0, "the read, once it has a leader again");
    assert.deepEqual([said(told), leader.value("a")], [["readable"], "new"]);
  });

  it("fails at its deadline", () => {
    const { cluster, leader } = formed();
    cluster.isolate(leader);
    const told = leader.readIndex(300);
    cluster.run(299);
    assert.deepEqual(told, []);
    cluster.run(50);
    assert.deepEqual(said(told), ["timeout"]);
    cluster.network.heal();
    cluster.run(5_000);
    assert.equal(told.length, 1);
  });

  it("says so where there is no leader to ask", () => {
    const { cluster, leader, follower, other } = formed();
    leader.kill();
    other.kill();
    cluster.run(5_000);
    const told = follower.readIndex(300);
    cluster.run(400);
    assert.deepEqual(said(told), ["noLeader"]);
  });

  it("goes on with the next leader, under a new id", () => {
    const { cluster, leader, follower } = formed();
    cluster.write("a", "1");
    leader.kill();
    const told = follower.readIndex(30_000);
    cluster.run(100);
    assert.deepEqual(told, []);
    cluster.leader();
    cluster.until(() => told.length > 0, "the read", 2_000);
    assert.deepEqual([said(told), follower.value("a")], [["readable"], "1"]);
  });

  it("is asked for again when its answer was lost, and told once", () => {
    const { cluster, leader, follower } = formed();
    cluster.network.cut(leader.address, follower.address);
    const told = follower.readIndex(30_000);
    cluster.run(400);
    assert.deepEqual(told, []);
    cluster.network.heal();
    cluster.until(() => told.length > 0, "the read");
    cluster.run(3_000);
    assert.deepEqual(said(told), ["readable"]);
  });

  it("fails when the node closes, or is closed", () => {
    const { cluster, leader } = formed();
    cluster.isolate(leader);
    const waiting = leader.readIndex();
    cluster.run(10);
    leader.formed?.node.close(() => {});
    assert.deepEqual([said(waiting), said(leader.readIndex())], [["closing"], ["closing"]]);
  });

  it("is refused at the door where too many wait already", () => {
    const { cluster, leader } = formed({ config: { "limits.requests_waiting_max": "10" } });
    cluster.isolate(leader);
    const told = Array.from({ length: 12 }, () => leader.readIndex(500));
    assert.deepEqual(told.map(said), [
      ...Array.from({ length: 10 }, () => []),
      ["overloaded"],
      ["overloaded"],
    ]);
    cluster.run(600);
    assert.deepEqual(told.slice(0, 10).map(said), Array.from({ length: 10 }, () => ["timeout"]));
    assert.deepEqual(leader.readIndex(500), [], "there is room again");
  });
});

describe("A new leader", () => {
  it("answers no read before its own first entry is applied", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { cluster, leader } = formed({ seed });
      const early: { readonly applied: number; readonly termStart: number }[] = [];
      for (const node of cluster.others(leader)) {
        const { node: inner } = node.formed!;
        inner.onLeadership(({ role, termStart }) => {
          if (role !== "leader" || termStart === undefined) return;
          inner.readIndex(node.clock.monotonicMs() + 5_000, ({ kind }) => {
            assert.equal(kind, "readable");
            early.push({ applied: inner.status().applied, termStart });
          });
        });
      }
      leader.kill();
      cluster.until(() => early.length > 0, "a read at the new leader");
      assert.ok(early.every(({ applied, termStart }) => applied >= termStart));
    }
  });
});

describe("A node that replays its log", () => {
  it("shows nothing before it has come to where it was", () => {
    const { cluster, follower } = formed();
    for (let at = 0; at < 5; at++) cluster.write("a", `${at}`);
    cluster.level();
    follower.kill();
    follower.wipeStore();
    follower.store.isFull = true;
    follower.start();
    cluster.until(() => follower.formed !== undefined, "the node");
    const refused = follower.readIndex(10_000);
    cluster.run(2_000);
    const { replayed, storeIsWhole } = follower.status();
    assert.deepEqual([replayed, storeIsWhole], [false, false]);
    assert.equal(follower.formed?.node.readNow(get("a")), undefined);
    assert.deepEqual(refused, [{ kind: "failed", reason: "diskFull" }]);
    follower.store.isFull = false;
    cluster.until(() => follower.status().replayed, "the replay");
    const told = follower.readIndex();
    cluster.until(() => told.length > 0, "the read");
    assert.deepEqual([said(told), follower.value("a")], [["readable"], "4"]);
    assert.equal(follower.status().replayed, true);
  });

  it("shows nothing in the very moment in which it starts", () => {
    const { cluster, leader } = formed({ ids: [1] });
    cluster.write("a", "1");
    cluster.write("b", "1");
    leader.kill();
    leader.wipeStore();
    leader.start();
    cluster.until(() => leader.formed !== undefined, "the node");
    assert.equal(leader.formed?.node.readNow(get("a")), undefined);
    cluster.run(1);
    assert.equal(leader.value("a"), "1");
  });
});
