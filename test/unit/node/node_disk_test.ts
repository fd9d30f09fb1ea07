/** Full, slow and broken disks under a whole node. */

import { get } from "../../harness/kv_commands.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import { assert, describe, it } from "../../harness/test.ts";

function formed(options: ConstructorParameters<typeof SimCluster>[0] = {}) {
  const cluster = new SimCluster(options);
  const leader = cluster.form();
  // Until the addresses of all are written down.
  cluster.run(3_000);
  return { cluster, leader, follower: cluster.others(leader)[0]! };
}

describe("A full disk under the log", () => {
  it("delays a write without a word, and goes on by itself once there is room", () => {
    const { cluster, leader } = formed({ ids: [1] });
    leader.disk.log.freeBytes = 0;
    const told = leader.put("a", "1", 60_000);
    cluster.run(1_500);
    assert.equal(told.length, 0);
    leader.disk.log.freeBytes = Infinity;
    cluster.until(() => told.length > 0, "the write", 1_000);
    assert.equal(told[0]?.kind, "applied");
  });

  it("takes the leadership from a leader; another one serves, and the node comes back", () => {
    const { cluster, leader } = formed();
    leader.disk.log.freeBytes = 0;
    leader.put("a", "1");
    cluster.until(() => !leader.leads, "the leader to yield", 4_000);
    cluster.until(() => cluster.others(leader).some(({ leads }) => leads), "another one", 10_000);
    cluster.write("b", "1");
    leader.disk.log.freeBytes = Infinity;
    cluster.level();
    assert.equal(leader.value("b"), "1");
    assert.equal(leader.ended, undefined);
  });

  it("of a follower holds nobody up, and reads work there all the same", () => {
    const { cluster, follower } = formed();
    cluster.write("a", "1");
    cluster.level();
    follower.disk.log.freeBytes = 0;
    cluster.write("b", "1");
    const read = follower.readIndex(1_000);
    cluster.run(900);
    assert.deepEqual([read.length, follower.value("b"), follower.value("a")], [0, undefined, "1"]);
    follower.disk.log.freeBytes = Infinity;
    cluster.level();
    assert.equal(follower.value("b"), "1");
  });
});

describe("A full disk under the store", () => {
  it("holds back what was applied until there is room again, and refuses reads at once", () => {
    const { cluster, leader } = formed();
    cluster.write("a", "1");
    cluster.run(200);
    leader.store.isFull = true;
    const told = leader.put("a", "2", 60_000);
    cluster.until(() => !leader.status().storeIsWhole, "the store to find its disk full");
    const refused = leader.readIndex(60_000);
    cluster.until(() => refused.length === 1, "the read", 50);
    assert.deepEqual(refused, [{ kind: "failed", reason: "diskFull" }]);
    cluster.run(1_000);
    assert.deepEqual([told.length, leader.value("a")], [0, undefined]);
    assert.equal(leader.status().storeIsWhole, false);
    leader.store.isFull = false;
    cluster.until(() => told.length === 1, "the write", 1_000);
    assert.deepEqual(told[0]?.kind, "applied");
    const read = leader.readIndex();
    cluster.until(() => read.length === 1, "a read", 1_000);
    assert.deepEqual([read[0]?.kind, leader.value("a")], ["readable", "2"]);
  });

  it("takes the leadership from a leader whose store does not move", () => {
    const { cluster, leader } = formed();
    leader.store.isFull = true;
    const told = leader.put("a", "1", 60_000);
    cluster.until(() => told.length > 0, "the leader to yield", 4_000);
    assert.deepEqual(told, [{ kind: "unknown", reason: "leadershipLost" }]);
    cluster.until(() => cluster.others(leader).some(({ leads }) => leads), "another one", 10_000);
    assert.equal(cluster.leader().value("a"), "1");
    leader.store.isFull = false;
    cluster.level();
    assert.equal(leader.value("a"), "1");
  });

  it("that a commit finds between two pages does not let the store run backwards", () => {
    const { cluster, leader } = formed({ ids: [1] });
    cluster.write("a", "1");
    cluster.run(200);
    cluster.write("a", "2");
    // Within the 50 ms before it is committed.
    leader.store.isFull = true;
    cluster.run(100);
    assert.equal(leader.value("a"), undefined, "neither the old nor the new one");
    leader.store.isFull = false;
    cluster.until(() => leader.value("a") !== undefined, "the value", 2_000);
    assert.equal(leader.value("a"), "2");
  });
});

describe("A disk that stands still", () => {
  it("takes the leadership from a leader, however well its timers run", () => {
    const { cluster, leader } = formed();
    leader.disk.stall(20_000_000);
    const told = leader.put("a", "1", 60_000);
    cluster.until(() => told.length > 0, "the leader to yield", 4_000);
    assert.deepEqual(told, [{ kind: "unknown", reason: "leadershipLost" }]);
    const { role, term } = leader.status();
    assert.equal(role, "follower");
    cluster.until(() => cluster.others(leader).some(({ leads }) => leads), "another one", 10_000);
    // It had reached the others before the disk hung.
    cluster.until(() => cluster.leader().value("a") === "1", "the write at the next leader");
    assert.ok(cluster.leader().status().term > term);
  });

  it("keeps its node from campaigning until it moves", () => {
    const { cluster, leader, follower } = formed();
    const other = cluster.others(leader, follower)[0]!;
    follower.disk.stall(25_000_000);
    cluster.write("a", "1");
    cluster.run(3_000);
    leader.kill();
    other.kill();
    const { term } = follower.status();
    cluster.run(15_000);
    assert.deepEqual([follower.status().role, follower.status().term], ["follower", term]);
    leader.start();
    other.start();
    cluster.level();
  });

  it("of a follower holds nobody up", () => {
    const { cluster, leader, follower } = formed();
    follower.disk.stall(10_000_000);
    for (let at = 0; at < 20; at++) cluster.write(`k${at}`, "v");
    assert.ok(leader.leads);
    cluster.level();
    assert.equal(follower.value("k19"), "v");
  });
});

describe("A disk that breaks", () => {
  it("ends its node in the midst of a turn: nothing more is applied in it", () => {
    const { cluster, leader } = formed();
    leader.disk.options = { latencyMinUs: 5_000, latencyMaxUs: 5_000 };
    leader.put("a", "1");
    cluster.until(() => leader.disk.underWay > 0, "the write");
    // With the end of the first write comes its commit, and the next write, which fails.
    leader.put("b", "1");
    leader.disk.failNextWrite();
    cluster.until(() => leader.ended !== undefined, "the node to end");
    assert.match(leader.ended ?? "", /EIO/);
    const [a] = leader.store.tables.liveSlice({
      ...{ start: new Uint8Array(0), reverse: false, rowsMax: 1, values: false },
    });
    assert.equal(a, undefined);
  });

  it("ends its node when a read finds a damaged row; nobody reads anything else there", () => {
    const { cluster, follower } = formed();
    cluster.write("a", "1");
    cluster.level();
    const { node } = follower.formed!;
    assert.equal(node.readNow(get("a"))?.kind, "records");
    follower.store.isDamaged = true;
    assert.throws(() => node.readNow(get("a")), /damaged row/);
    assert.match(follower.ended ?? "", /damaged row/);
    follower.store.isDamaged = false;
    assert.equal(node.readNow(get("a")), undefined);
    cluster.write("b", "1");
  });

  it("ends its node; the others go on, and nothing acknowledged is lost", () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { cluster, leader } = formed({ seed });
      cluster.write("a", "1");
      leader.disk.breakDown();
      const told = leader.put("b", "1");
      cluster.until(() => leader.ended !== undefined, "the node to end");
      assert.deepEqual(told, []);
      cluster.write("c", "1");
      leader.start();
      cluster.level();
      assert.deepEqual([leader.value("a"), leader.value("c")], ["1", "1"]);
    }
  });
});
