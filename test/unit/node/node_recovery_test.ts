/** A log that lost something, from the damaged disk to the healed one. */

import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimDirectory, SimNode } from "../../harness/sim_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

interface Scene {
  readonly cluster: SimCluster;
  readonly leader: SimNode;
  /** Holds what was acknowledged, until it forgets. */
  readonly witness: SimNode;
  /** Was away when it was acknowledged. */
  readonly absent: SimNode;
}

/** `a=1` is acknowledged by the leader and one other node; then that one is dead and forgets. */
function forget(how: (witness: SimNode, before: SimDirectory) => void, seed = 1): Scene {
  const cluster = new SimCluster({ seed });
  const leader = cluster.form();
  // Until the addresses of all are written down.
  cluster.run(3_000);
  const [witness, absent] = cluster.others(leader);
  const before = witness!.copy();
  absent!.kill();
  cluster.write("a", "1");
  cluster.run(200);
  witness!.kill();
  how(witness!, before);
  return { cluster, leader, witness: witness!, absent: absent! };
}

/** Everything in which the log can be seen to have lost something. */
const losses: Readonly<Record<string, (witness: SimNode, before: SimDirectory) => void>> = {
  "raft.db is put back from a copy": (witness, before) => witness.disk.regress(before.disk),
  "an entry is damaged": ({ disk }) => disk.log.damage(disk.log.lastIndex()),
  "the first entry is damaged": ({ disk }) => disk.log.damage(1),
  "raft.db is deleted": ({ disk }) => disk.log.loseLog(),
  "raft.db is deleted, and kv.db with it": (witness) => {
    witness.disk.log.loseLog();
    witness.wipeStore();
  },
  "an entry is damaged, and kv.db deleted": (witness) => {
    witness.disk.log.damage(3);
    witness.wipeStore();
  },
};

for (const [what, lose] of Object.entries(losses)) {
  describe(`A node of which ${what}`, () => {
    it("gives no vote to who lacks what it had acknowledged", () => {
      const { cluster, leader, witness, absent } = forget(lose);
      leader.kill();
      witness.start();
      absent.start();
      cluster.run(20_000);
      assert.deepEqual([witness.leads, absent.leads], [false, false]);
      assert.equal(witness.status().recovering, true);
      // Nobody but the old leader has it, and it is not lost.
      leader.start();
      cluster.level();
      assert.deepEqual(cluster.nodes.map((node) => node.value("a")), ["1", "1", "1"]);
    });

    it("is healed by the leader, and votes again", () => {
      const { cluster, leader, witness, absent } = forget(lose);
      witness.start();
      cluster.until(() => witness.formed?.node.status().recovering === false, "the healing");
      cluster.until(() => witness.value("a") === "1", "the value");
      cluster.run(100);
      const { recovering, logEpoch } = witness.identity()!;
      assert.deepEqual([recovering, logEpoch], [false, 2]);
      leader.kill();
      absent.start();
      cluster.level();
      assert.equal(cluster.leader().value("a"), "1");
    });

    it("does not forget that it forgot when it is killed before it is healed", () => {
      const { cluster, leader, witness, absent } = forget(lose);
      leader.kill();
      absent.start();
      for (let start = 0; start < 3; start++) {
        witness.start();
        cluster.run(5_000);
        assert.equal(witness.status().recovering, true);
        witness.kill();
      }
      witness.start();
      cluster.run(10_000);
      assert.deepEqual([witness.leads, absent.leads], [false, false]);
      leader.start();
      cluster.level();
      assert.equal(absent.value("a"), "1");
    });
  });
}

describe("A log from before one of its entries was replaced", () => {
  /** The first leader has `a=lost`, of nobody else, in an image; `a=kept` came in its place. */
  function replaced(): { readonly cluster: SimCluster; readonly node: SimNode } & {
    readonly before: SimDirectory;
  } {
    const cluster = new SimCluster();
    const node = cluster.form();
    cluster.run(3_000);
    cluster.isolate(node);
    // As many as the log has entries when it is killed, and more.
    for (let at = 0; at < 9; at++) node.put("a", "lost");
    cluster.run(100);
    const before = node.copy();
    cluster.until(() => cluster.others(node).some(({ leads }) => leads), "another leader");
    cluster.network.heal();
    cluster.write("a", "kept");
    cluster.level();
    cluster.run(200);
    node.kill();
    return { cluster, node, before };
  }

  for (const mark of ["kept", "put back too"]) {
    it(`is healed, the mark ${mark}`, () => {
      const { cluster, node, before } = replaced();
      if (mark === "kept") node.disk.regress(before.disk);
      else node.disk.restore({ changes: before.disk.changes, identity: node.identity() });
      node.start();
      cluster.until(() => node.formed !== undefined, "the node");
      assert.equal(node.status().recovering, true);
      cluster.until(() => !node.status().recovering, "the healing");
      cluster.write("b", "1");
      cluster.level();
      assert.deepEqual([node.ended, node.value("a")], [undefined, "kept"]);
    });
  }
});

describe("Recovering", () => {
  it("leaves a log that can bring others up to date", () => {
    const { cluster, leader, witness, absent } = forget(losses["raft.db is deleted"]!);
    witness.start();
    cluster.until(() => witness.formed?.node.status().recovering === false, "the healing");
    leader.kill();
    absent.start();
    cluster.level();
    assert.equal(absent.value("a"), "1");
    assert.equal(witness.disk.log.outline.firstIndex, 1);
  });

  it("is not entered where nothing is lost", () => {
    const { cluster, witness } = forget(() => {});
    witness.start();
    cluster.run(5_000);
    assert.deepEqual([witness.status().recovering, witness.identity()?.logEpoch], [false, 1]);
  });

  it("gives the vote of its term to nobody, also where it had voted for another", () => {
    const { cluster, leader, witness } = forget(losses["raft.db is deleted"]!);
    const { term } = leader.status();
    leader.kill();
    witness.start();
    cluster.run(5_000);
    const { votedFor, term: itsTerm } = witness.status();
    assert.deepEqual([votedFor, itsTerm], [witness.id, term]);
  });

  it("survives a crash at every step of entering it", () => {
    for (let at = 0; at < 8; at++) {
      const { cluster, leader, witness } = forget(losses["raft.db is deleted"]!, at + 1);
      witness.start();
      cluster.run(at / 2);
      witness.kill();
      witness.start();
      cluster.until(() => witness.formed?.node.status().recovering === false, "the healing");
      cluster.level();
      assert.equal(witness.value("a"), "1");
      assert.ok(leader.leads);
    }
  });

  it("is refused to the only voter, with the way out", () => {
    const cluster = new SimCluster({ ids: [1] });
    const node = cluster.form();
    cluster.write("a", "1");
    cluster.run(100);
    node.kill();
    node.disk.log.damage(node.disk.log.lastIndex());
    node.start();
    cluster.until(() => node.ended !== undefined, "the end");
    assert.match(node.ended ?? "", /entry \d+ in raft\.db is missing or damaged/);
    assert.match(node.ended ?? "", /skein recover --accept-data-loss/);
  });

  it("of a majority at once holds the cluster until the last witness is back", () => {
    const { cluster, leader, witness, absent } = forget(losses["an entry is damaged"]!);
    leader.kill();
    absent.disk.log.damage(2);
    witness.start();
    absent.start();
    cluster.run(20_000);
    assert.deepEqual([witness.leads, absent.leads], [false, false]);
    leader.start();
    cluster.run(20_000);
    // Neither may vote before a leader has healed it, and without a vote there is no leader.
    assert.deepEqual(cluster.nodes.map(({ leads }) => leads), [false, false, false]);
  });
});
