/** Crashes during the birth: at every step, of every node, alone and together. */

import { FatalStorageError } from "../../../src/node/ports.ts";
import type { NodeId } from "../../../src/raft/types.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** All nodes serve, and agree on who they are. */
function checkServes(cluster: SimCluster): void {
  cluster.form();
  cluster.write("a", "1");
  cluster.level();
  const births = cluster.nodes.map((node) => JSON.stringify(node.identity()?.birth));
  assert.notEqual(births[0], undefined);
  assert.equal(new Set(births).size, 1);
  for (const node of cluster.nodes) {
    assert.deepEqual([node.ended, node.value("a")], [undefined, "1"]);
    assert.equal(node.identity()?.logEpoch, 1, "nothing counts as lost");
  }
}

/** Where a birth can be interrupted: what a node has written down of it so far. */
const steps: Readonly<Record<string, (node: SimNode) => void>> = {
  "before its identity is saved": (node) => {
    node.beforeSave = () => killOnce(node);
  },
  "between identity and first write": (node) => {
    node.beforeWrite = () => killOnce(node);
  },
  "between first write and birth": (node) => {
    node.beforeSave = ({ birth }) => {
      if (birth !== undefined) killOnce(node);
    };
  },
};

function killOnce(node: SimNode): void {
  node.beforeSave = () => {};
  node.beforeWrite = () => {};
  node.kill();
}

describe("A crash during the birth", () => {
  for (const [when, arm] of Object.entries(steps)) {
    for (const victims of [[1], [2], [3], [1, 2, 3]] as readonly (readonly NodeId[])[]) {
      const whom = victims.length === 1 ? `node ${victims[0]}` : "all nodes";
      it(`of ${whom} ${when} is made good by a restart`, () => {
        for (let seed = 1; seed <= 5; seed++) {
          const cluster = new SimCluster({ seed });
          for (const id of victims) arm(cluster.node(id));
          for (const node of cluster.nodes) node.start();
          cluster.run(20_000);
          const down = cluster.nodes.filter(({ isRunning }) => !isRunning).map(({ id }) => id);
          const [founder] = victims;
          // Where nobody founds, nobody else gets to its first write.
          const isAlone = down.length === 1 && down[0] === founder;
          assert.ok(down.length === victims.length || isAlone, `${down}`);
          for (const node of cluster.nodes) if (!node.isRunning) node.start();
          cluster.run(20_000);
          checkServes(cluster);
        }
      });
    }
  }

  it("at any moment, of any node, again and again, is made good", () => {
    for (let seed = 1; seed <= 30; seed++) {
      const cluster = new SimCluster({ seed });
      const faults = cluster.prng.split();
      for (let round = 0; round < 12; round++) {
        const victim = cluster.nodes[faults.below(3)]!;
        if (victim.isRunning) victim.kill();
        else victim.start();
        cluster.run(faults.below(faults.chance(1, 2) ? 8 : 1_500));
      }
      checkServes(cluster);
    }
  });

  it("does not make anybody speak under an identity that could be forgotten", () => {
    // The incarnation that others know is the one on the disk, whatever the crash took.
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = new SimCluster({ seed });
      const victim = cluster.node(2);
      for (const node of cluster.nodes) node.start();
      cluster.run(seed % 8);
      victim.kill();
      cluster.run(1_500);
      victim.start();
      checkServes(cluster);
      const member = cluster.node(1).identity()?.birth?.members.find(({ id }) => id === 2);
      assert.equal(member?.incarnation, victim.identity()?.incarnation);
    }
  });
});

describe("A node that was away when the others were born", () => {
  it("takes the cluster over from whoever has it", () => {
    const cluster = new SimCluster();
    for (const node of cluster.nodes) node.start();
    const late = cluster.node(3);
    late.beforeWrite = () => killOnce(late);
    cluster.until(() => cluster.nodes.some(({ leads }) => leads), "a leader");
    assert.equal(late.isRunning, false);
    cluster.write("a", "0");
    // The founder may be gone by then.
    cluster.node(1).kill();
    cluster.run(5_000);
    late.start();
    cluster.until(() => late.formed !== undefined, "the late node");
    cluster.until(() => late.value("a") === "0", "the value");
    checkServes(cluster);
  });
});

/** What a node writes down of its birth, and cannot. */
const failing: Readonly<Record<string, (node: SimNode) => void>> = {
  // Whoever founds comes to it as the others answer.
  "its log": (node) => node.disk.failNextWrite(),
  "that it was born": (node) => {
    node.beforeSave = ({ birth }) => {
      if (birth === undefined) return;
      node.beforeSave = () => {};
      throw new FatalStorageError("Cannot sync the identity: EIO");
    };
  },
};

describe("A disk that fails during the birth", () => {
  for (const [what, arm] of Object.entries(failing)) {
    it(`to keep ${what} ends its node with the reason, and a restart makes it good`, () => {
      for (const id of [1, 2]) {
        const cluster = new SimCluster();
        const victim = cluster.node(id);
        arm(victim);
        for (const node of cluster.nodes) node.start();
        cluster.run(20_000);
        assert.match(victim.ended ?? "", /EIO/);
        victim.start();
        cluster.run(20_000);
        checkServes(cluster);
      }
    });
  }
});
