/** Processes that stand still, and clocks that are wrong. */

import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

function formed(options: ConstructorParameters<typeof SimCluster>[0] = {}) {
  const cluster = new SimCluster(options);
  const leader = cluster.form();
  return { cluster, leader, follower: cluster.others(leader)[0]! };
}

describe("A follower that stood still", () => {
  it("starts no election when it wakes, however long it was", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { cluster, leader, follower } = formed({ seed });
      const { term } = leader.status();
      follower.pause();
      cluster.run(5_000 + 100 * seed);
      follower.resume();
      cluster.run(5_000);
      assert.deepEqual([leader.leads, leader.status().term], [true, term], `seed ${seed}`);
      const campaigned = follower.lines.some((line) => line.includes("role=precandidate term=2"));
      assert.equal(campaigned, false);
    }
  });

  it("catches up", () => {
    const { cluster, follower } = formed();
    follower.pause();
    for (let at = 0; at < 10; at++) cluster.write("a", `${at}`);
    follower.resume();
    cluster.level();
    assert.equal(follower.value("a"), "9");
  });
});

describe("A leader that stood still", () => {
  it("answers no read from before it fell asleep with what is stale now", () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { cluster, leader } = formed({ seed });
      cluster.write("a", "old");
      leader.pause();
      cluster.until(() => cluster.others(leader).some(({ leads }) => leads), "another leader");
      const heir = cluster.others(leader).find(({ leads }) => leads)!;
      const told = heir.put("a", "new");
      cluster.until(() => told.length > 0, "the write");
      let seen: string | undefined;
      leader.resume();
      const deadlineMs = leader.clock.monotonicMs() + 30_000;
      leader.formed?.node.readIndex(deadlineMs, ({ kind }) => {
        seen = kind === "readable" ? leader.value("a") : kind;
      });
      cluster.until(() => seen !== undefined, "the read");
      assert.equal(seen, "new", `seed ${seed}`);
    }
  });

  it("shorter than an election goes on leading", () => {
    const { cluster, leader } = formed();
    const { term } = leader.status();
    leader.pause();
    cluster.run(600);
    leader.resume();
    cluster.run(5_000);
    assert.deepEqual([leader.leads, leader.status().term], [true, term]);
  });

  it("and all others with it: one of them serves again soon", () => {
    const { cluster } = formed();
    for (const node of cluster.nodes) node.pause();
    cluster.run(60_000);
    for (const node of cluster.nodes) node.resume();
    cluster.run(3_000);
    cluster.write("a", "1");
  });
});

describe("How stale a node is", () => {
  it("is bounded by the heartbeat while it is connected, and grows when it is not", () => {
    const { cluster, leader, follower } = formed();
    cluster.run(2_000);
    for (const node of cluster.nodes) {
      const { stalenessMs } = node.status();
      assert.ok(stalenessMs <= 150, `node ${node.id}: ${stalenessMs} ms`);
    }
    cluster.isolate(follower);
    cluster.run(3_000);
    assert.ok(follower.status().stalenessMs >= 2_900);
    assert.ok(leader.status().stalenessMs <= 150);
  });

  it("is unknown before a leader was heard", () => {
    const { cluster, follower } = formed();
    for (const node of cluster.nodes) node.kill();
    follower.start();
    cluster.run(500);
    assert.equal(follower.status().stalenessMs, Infinity);
  });

  it("counts nothing from a leader that does not know yet what is committed", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { cluster, leader } = formed({ seed });
      cluster.run(2_000);
      cluster.write("a", "old");
      cluster.run(1_000);
      const told = leader.put("a", "new");
      cluster.until(() => told.length > 0, "the write");
      const others = cluster.others(leader);
      const { clock } = others[0]!;
      const writtenMs = clock.monotonicMs();
      leader.kill();
      const lacks = (node: SimNode): boolean => node.value("a") === "old";
      while (others.some(lacks)) {
        cluster.run(1);
        const sinceMs = clock.monotonicMs() - writtenMs;
        for (const node of others.filter(lacks)) {
          const { stalenessMs } = node.status();
          assert.ok(stalenessMs > sinceMs - 150, `seed ${seed}: ${stalenessMs} of ${sinceMs} ms`);
        }
      }
    }
  });

  it("counts from what the store has applied, not from what was heard", () => {
    const { cluster, follower } = formed();
    cluster.run(2_000);
    follower.store.isFull = true;
    cluster.write("a", "1");
    cluster.run(3_000);
    assert.ok(follower.status().stalenessMs >= 2_800, `${follower.status().stalenessMs}`);
    follower.store.isFull = false;
    cluster.run(1_000);
    assert.ok(follower.status().stalenessMs <= 150);
  });
});

describe("Clocks", () => {
  it("that run at different speeds, or whose date jumps, disturb nobody", () => {
    const { cluster, leader, follower } = formed();
    const { term } = leader.status();
    follower.clock.setRate(1_100);
    leader.clock.setRate(900);
    follower.clock.jumpWall(3_600_000);
    leader.clock.jumpWall(-3_600_000);
    for (let at = 0; at < 20; at++) {
      cluster.run(500);
      cluster.write("a", `${at}`);
    }
    assert.deepEqual([leader.leads, leader.status().term], [true, term]);
  });
});
