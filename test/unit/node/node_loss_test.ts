/**
 * A log that lost something which nothing on its disk shows: an older copy was put back, and what
 * knew that there was more is gone as well. The others know (src/raft/loss.ts).
 */

import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimDirectory, SimNode } from "../../harness/sim_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

interface Scene {
  readonly cluster: SimCluster;
  readonly leader: SimNode;
  /** Has acknowledged `a=1`, and is down; its directory shows nothing of it. */
  readonly witness: SimNode;
  /** Was away then, and is down. */
  readonly absent: SimNode;
}

type Loss = (witness: SimNode, before: SimDirectory) => void;

/** All but identity.json. */
function putBack(node: SimNode, { disk: { changes }, store }: SimDirectory): void {
  node.restore({ disk: { changes, identity: node.identity() }, store });
}

function putBackLogAlone(node: SimNode, before: SimDirectory): void {
  putBack(node, before);
  node.disk.log.loseMark();
  node.wipeStore();
}

const losses: Readonly<Record<string, Loss>> = {
  "raft.db, raft.mark and kv.db are put back": putBack,
  "raft.db is put back, raft.mark and kv.db deleted": putBackLogAlone,
};

function forget(how: Loss): Scene {
  const cluster = new SimCluster();
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

/** The node starts, and ends with the line; returns it. */
function end(cluster: SimCluster, node: SimNode): string {
  node.start();
  cluster.until(() => node.ended !== undefined, "the end");
  return node.ended ?? "";
}

function heal(cluster: SimCluster, node: SimNode): void {
  node.start();
  cluster.until(() => node.formed?.node.status().recovering === false, "the healing");
  // Until that is written down.
  cluster.run(100);
}

/** A linearizable read at this node: all that it may show. */
function reads(cluster: SimCluster, node: SimNode): boolean {
  const told = node.readIndex();
  cluster.until(() => told.length > 0, "the read");
  return told[0]?.kind === "readable";
}

for (const [what, lose] of Object.entries(losses)) {
  describe(`A node of which ${what}`, () => {
    it("ends with a line that says what is missing, and how it heals", () => {
      const { cluster, leader, witness } = forget(lose);
      const { lastIndex, term } = leader.status();
      const line = end(cluster, witness);
      assert.match(line, new RegExp(`^Node ${witness.id} in \\S+ has lost part of its log: `));
      const claim = `node ${leader.id} counts entry ${lastIndex} of term ${term} as stored here`;
      assert.ok(line.includes(`${claim}, the log ends at ${lastIndex - 1}; `), line);
      assert.match(line, /; this is noted, and it heals from the others when started again$/);
      const { recovering, logEpoch } = witness.identity()!;
      assert.deepEqual([recovering, logEpoch], [true, 2]);
    });

    it("heals when it is started again, and answers reads", () => {
      const { cluster, leader, witness, absent } = forget(lose);
      end(cluster, witness);
      heal(cluster, witness);
      assert.ok(reads(cluster, witness));
      assert.equal(witness.value("a"), "1");
      assert.deepEqual([witness.ended, witness.identity()?.recovering], [undefined, false]);
      // What it holds now counts: it may be the one of whom the next leader learns.
      leader.kill();
      absent.start();
      cluster.level();
      assert.equal(absent.value("a"), "1");
    });

    it("gives no vote to who lacks what it had acknowledged, once it was told", () => {
      const { cluster, leader, witness, absent } = forget(lose);
      end(cluster, witness);
      leader.kill();
      witness.start();
      absent.start();
      cluster.run(20_000);
      assert.deepEqual([witness.leads, absent.leads], [false, false]);
      const [, recovered] = witness.formed!.services.cluster.readiness();
      assert.deepEqual([recovered?.name, recovered?.ok], ["recovered", false]);
      leader.start();
      cluster.level();
      assert.deepEqual(cluster.nodes.map((node) => node.value("a")), ["1", "1", "1"]);
    });

    it("is told again when it was killed before it had written that down", () => {
      const { cluster, witness } = forget(lose);
      witness.beforeSave = ({ recovering }) => {
        if (recovering) witness.kill();
      };
      witness.start();
      cluster.until(() => !witness.isRunning, "the kill");
      witness.beforeSave = () => {};
      assert.equal(witness.identity()?.recovering, false);
      end(cluster, witness);
      heal(cluster, witness);
      assert.equal(witness.identity()?.logEpoch, 2);
    });
  });
}

describe("A log from before its end was replaced, with nothing beside it that tells", () => {
  it("is found out though it is long enough", () => {
    const cluster = new SimCluster();
    const node = cluster.form();
    cluster.run(3_000);
    cluster.isolate(node);
    for (let at = 0; at < 9; at++) node.put("a", "lost");
    cluster.run(100);
    const before = node.copy();
    cluster.until(() => cluster.others(node).some(({ leads }) => leads), "another leader");
    cluster.network.heal();
    cluster.write("a", "kept");
    cluster.level();
    cluster.run(200);
    node.kill();
    putBackLogAlone(node, before);
    assert.match(end(cluster, node), /the log holds one of term \d+;/);
    heal(cluster, node);
    cluster.level();
    assert.equal(node.value("a"), "kept");
  });
});

describe("A node whose identity.json is from before an earlier loss", () => {
  it("ends, and heals under an epoch above both", () => {
    const { cluster, leader, witness } = forget((node) => node.disk.log.loseLog());
    heal(cluster, witness);
    witness.kill();
    const healed = witness.identity()!;
    assert.equal(healed.logEpoch, 2);
    // The epoch is lost, and the starts are not: so its peers listen to it.
    witness.disk.identityFile().save({ ...healed, logEpoch: 1 }, () => {});
    assert.match(end(cluster, witness), /has heard of epoch 2 of this log, here it is at 1;/);
    assert.deepEqual([witness.identity()?.recovering, witness.identity()?.logEpoch], [true, 3]);
    heal(cluster, witness);
    assert.ok(reads(cluster, witness) && leader.leads);
    assert.equal(witness.value("a"), "1");
  });
});

describe("Who waits at a node that is shown a loss", () => {
  it("is told when it is closed", () => {
    const { cluster, witness } = forget(putBack);
    witness.start();
    cluster.until(() => witness.formed !== undefined, "the node");
    const { node } = witness.formed!;
    const told: string[] = [];
    node.readIndex(1e9, ({ kind }) => told.push(`read ${kind}`));
    node.propose(new Uint8Array(1), 1e9, ({ kind }) => told.push(`write ${kind}`));
    cluster.until(() => witness.ended !== undefined, "the end");
    node.close(() => told.push("closed"));
    assert.deepEqual(told.sort(), ["closed", "read failed", "write notApplied"]);
  });
});
