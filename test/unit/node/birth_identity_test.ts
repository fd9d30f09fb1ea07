/** Directories that are not what their id promises: emptied, copied, older ones, strangers. */

import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { SimProcess } from "../../harness/sim_process.ts";
import { assert, describe, it } from "../../harness/test.ts";

function formed(seed = 1): { readonly cluster: SimCluster; readonly leader: SimNode } {
  const cluster = new SimCluster({ seed });
  const leader = cluster.form();
  cluster.run(3_000);
  cluster.write("a", "1");
  cluster.level();
  return { cluster, leader };
}

function checkTurnedAway(cluster: SimCluster, node: SimNode, reason: RegExp): void {
  cluster.until(() => node.ended !== undefined, "the node to be turned away");
  assert.match(node.ended ?? "", reason);
}

/** It says the same again without asking anybody. */
function checkMarked(cluster: SimCluster, node: SimNode, reason: RegExp): void {
  assert.match(node.identity()?.refused ?? "", reason);
  cluster.network.partition([[node.address], cluster.nodes.map(({ address }) => address)]);
  node.start();
  cluster.until(() => node.ended !== undefined, "the node to end again", 1_000);
  assert.match(node.ended ?? "", reason);
  cluster.network.heal();
}

function checkServes(cluster: SimCluster): void {
  cluster.write("b", "1");
  cluster.write("c", "1");
}

describe("A directory that was emptied", () => {
  it("before the birth is born with what it has then", () => {
    const cluster = new SimCluster();
    const node = cluster.node(2);
    cluster.node(1).start();
    node.start();
    cluster.run(3_000);
    const before = node.identity()?.incarnation;
    node.kill();
    node.wipe();
    node.start();
    cluster.run(3_000);
    cluster.form();
    const { members } = cluster.leader().status().configuration.configuration;
    const { incarnation } = node.identity()!;
    assert.notEqual(incarnation, before);
    assert.equal(members.find(({ id }) => id === 2)?.incarnation, incarnation);
  });

  it("before the birth is not founded upon while it is away", () => {
    const cluster = new SimCluster();
    const node = cluster.node(2);
    cluster.node(1).start();
    node.start();
    cluster.run(3_000);
    node.kill();
    node.wipe();
    cluster.run(3_000);
    assert.match(cluster.node(1).birth?.waitingFor() ?? "", /node 2 at n2 \(no answer\)/);
    cluster.node(3).start();
    cluster.run(10_000);
    assert.equal(cluster.node(1).formed, undefined);
    node.start();
    cluster.form();
    checkServes(cluster);
  });

  for (const id of [1, 2, 3]) {
    it(`after the birth is turned away, node ${id}; the others serve on`, () => {
      const { cluster } = formed();
      const node = cluster.node(id);
      node.kill();
      node.wipe();
      const reason = /knows node \d with another data directory|belongs to another/;
      for (let attempt = 0; attempt < 2; attempt++) {
        node.start();
        checkTurnedAway(cluster, node, reason);
      }
      // Nobody whom it could know has said so: anybody may listen at an address.
      assert.equal(node.identity()?.refused, undefined);
      checkServes(cluster);
    });
  }

  it("after the birth forms nothing with others that were emptied too", () => {
    const { cluster } = formed();
    for (const node of cluster.nodes) node.kill();
    const [keeper, ...emptied] = cluster.nodes;
    for (const node of emptied) {
      node.wipe();
      node.start();
    }
    cluster.run(20_000);
    assert.deepEqual(emptied.map((node) => node.formed), [undefined, undefined]);
    keeper!.start();
    for (const node of emptied) {
      cluster.until(() => node.ended !== undefined, "the node to be turned away");
    }
    assert.equal(keeper!.isRunning, true);
  });

  it("is welcome again when it is found", () => {
    const { cluster, leader } = formed();
    const node = cluster.others(leader)[0]!;
    const original = node.copy();
    node.kill();
    node.wipe();
    node.start();
    cluster.until(() => node.ended !== undefined, "the node to be turned away");
    node.restore(original);
    node.start();
    cluster.level();
    checkServes(cluster);
    cluster.level();
    assert.equal(node.value("c"), "1");
  });
});

describe("A copy of a directory", () => {
  /** The copy runs on another machine, beside the original. */
  function twinOf(cluster: SimCluster, node: SimNode): SimNode {
    const twin = cluster.make({ ...node.options, address: `twin${node.id}` });
    twin.restore(node.copy());
    return twin;
  }

  /** A node that was started twice since its directory was copied. */
  function startedSince() {
    const { cluster, leader } = formed();
    const node = cluster.others(leader)[0]!;
    const older = node.copy();
    for (let start = 0; start < 2; start++) {
      node.kill();
      node.start();
      cluster.run(3_000);
    }
    cluster.write("b", "1");
    return { cluster, node, older };
  }

  for (const which of ["a follower", "the leader"]) {
    for (const starts of [1, 3]) {
      it(`of ${which} has to go when it starts ${starts} times beside the original`, () => {
        const { cluster, leader } = formed();
        const node = which === "the leader" ? leader : cluster.others(leader)[0]!;
        const twin = twinOf(cluster, node);
        cluster.network.partition([[twin.address], cluster.nodes.map(({ address }) => address)]);
        for (let start = 1; start < starts; start++) {
          twin.start();
          cluster.run(1_000);
          twin.kill();
        }
        cluster.network.heal();
        twin.start();
        checkTurnedAway(cluster, twin, /older copy|two processes run as node/);
        checkMarked(cluster, twin, /older copy|two processes run as node/);
        assert.equal(node.ended, undefined);
        checkServes(cluster);
      });
    }
  }

  it("has to go although the original stands still for a moment", () => {
    const { cluster, leader } = formed();
    const node = cluster.others(leader)[0]!;
    const twin = twinOf(cluster, node);
    node.pause();
    twin.start();
    cluster.run(400);
    node.resume();
    cluster.until(() => [node, twin].some(({ ended }) => ended !== undefined), "one to go");
    cluster.run(10_000);
    assert.equal([node, twin].filter(({ isRunning }) => isRunning).length, 1);
    checkServes(cluster);
  });

  it("that counts the same starts as the original is told from it by its nonce", () => {
    const { cluster, leader } = formed();
    const node = cluster.others(leader)[0]!;
    node.kill();
    const twin = twinOf(cluster, node);
    node.start();
    cluster.level();
    cluster.run(2_000);
    twin.start();
    cluster.until(() => twin.ended !== undefined, "the twin to be turned away");
    assert.match(twin.ended ?? "", /two processes run as node/);
    assert.equal(node.ended, undefined);
    checkServes(cluster);
  });

  it("from an older day is turned away by who has seen the newer one", () => {
    const { cluster, node, older } = startedSince();
    node.kill();
    node.restore(older);
    node.start();
    checkTurnedAway(cluster, node, /older copy: it counts 2 starts, 3 were seen/);
    checkMarked(cluster, node, /older copy: it counts 2 starts, 3 were seen/);
    checkServes(cluster);
  });

  it("from an older day is turned away although all others were started again", () => {
    const { cluster, node, older } = startedSince();
    for (const each of cluster.nodes) each.kill();
    node.restore(older);
    for (const each of cluster.nodes) each.start();
    checkTurnedAway(cluster, node, /older copy: it counts 2 starts, 3 were seen/);
    checkServes(cluster);
  });
});

describe("A node that is refused for good by a stranger", () => {
  it("is not marked by it, and serves on", () => {
    const { cluster, leader } = formed();
    const node = cluster.others(leader)[0]!;
    const reason = "this id belongs to another data directory";
    const by = { id: leader.id, incarnation: "f".repeat(16) };
    leader.kill();
    const stranger = new SimProcess(leader.address, cluster);
    const transport = cluster.network.open(leader.address, stranger);
    let refusals = 0;
    transport.onHello(() => {
      refusals++;
      return { kind: "refused", reason, final: true, removed: false, by };
    });
    cluster.form(cluster.others(leader));
    cluster.run(5_000);
    assert.ok(refusals > 0);
    assert.deepEqual([node.ended, node.identity()?.refused], [undefined, undefined]);
    stranger.kill();
    leader.start();
    cluster.form();
    checkServes(cluster);
  });
});

describe("A node whose configuration does not fit", () => {
  it("of another cluster is not taken for one's own", () => {
    const cluster = new SimCluster();
    const stranger = cluster.node(3);
    stranger.options = { ...stranger.options, clusterId: "other" };
    for (const node of cluster.nodes) node.start();
    cluster.run(5_000);
    assert.deepEqual(cluster.nodes.map((node) => node.formed), [undefined, undefined, undefined]);
    const refusal = /node 3 at n3 \(it refuses: cluster_id "c", this node belongs to "other"\)/;
    assert.match(cluster.node(1).birth?.waitingFor() ?? "", refusal);
    assert.match(stranger.birth?.waitingFor() ?? "", /cluster_id "other", .* to "c"/);
    assert.equal(stranger.ended, undefined, "a corrected file may still help");
  });

  it("is told who listens at an address instead of whom it expects", () => {
    const cluster = new SimCluster();
    const [first] = cluster.nodes;
    first!.options = { ...first!.options, addressOf: (id) => `n${id === 2 ? 3 : 2}` };
    for (const node of cluster.nodes) node.start();
    cluster.run(5_000);
    const awaited = first!.birth?.waitingFor() ?? "";
    assert.match(awaited, /node 2 at n3 \(it refuses: node 2 was expected here, this is node 3\)/);
    assert.match(awaited, /node 3 at n2 \(it refuses: node 3 was expected here, this is node 2\)/);
    assert.equal(first!.formed, undefined);
  });

  it("is told that an address is its own", () => {
    const cluster = new SimCluster();
    const [first] = cluster.nodes;
    first!.options = { ...first!.options, addressOf: (id) => id === 2 ? "n1" : `n${id}` };
    for (const node of cluster.nodes) node.start();
    cluster.run(5_000);
    assert.match(first!.birth?.waitingFor() ?? "", /this address is the asker's own: node 1/);
  });

  it("is told that its id is taken", () => {
    const cluster = new SimCluster();
    const impostor = cluster.make({ id: 2, ids: [1, 2, 3], address: "n9" });
    impostor.options = { ...impostor.options, addressOf: (id) => `n${id === 1 ? 2 : id}` };
    cluster.node(2).start();
    impostor.start();
    cluster.run(3_000);
    assert.match(impostor.birth?.waitingFor() ?? "", /another process already runs as node 2/);
  });

  it("that names other nodes is refused by name, on both sides", () => {
    const cluster = new SimCluster();
    const other = cluster.node(3);
    other.options = { ...other.options, ids: [1, 2, 3, 4] };
    for (const node of cluster.nodes) node.start();
    cluster.run(5_000);
    assert.deepEqual(cluster.nodes.map((node) => node.formed), [undefined, undefined, undefined]);
    assert.match(
      cluster.node(1).birth?.waitingFor() ?? "",
      /its configuration names the nodes 1, 2, 3, the one of node 3 names 1, 2, 3, 4/,
    );
    assert.match(
      other.birth?.waitingFor() ?? "",
      /its configuration names the nodes 1, 2, 3, 4, the one of node 1 names 1, 2, 3/,
    );
    // Whoever corrects the file has a cluster.
    other.kill();
    other.options = { ...other.options, ids: [1, 2, 3] };
    other.start();
    cluster.form();
  });

  it("that is no member is told to join", () => {
    const { cluster } = formed();
    const fourth = cluster.make({ id: 4, ids: [1, 2, 3, 4] });
    fourth.start();
    cluster.until(() => fourth.ended !== undefined, "the node to be turned away");
    assert.match(
      fourth.ended ?? "",
      /the cluster exists already, and was formed of the nodes 1, 2, 3: to become a member/,
    );
    checkServes(cluster);
  });
});

describe("An address that changes", () => {
  function move(node: SimNode, address: string): void {
    node.kill();
    node.address = address;
    node.start();
  }

  function writtenDown(cluster: SimCluster): readonly (string | undefined)[] {
    const { members } = cluster.leader().status().configuration.configuration;
    return members.map(({ addresses }) => addresses?.rpc);
  }

  it("is written down after the birth", () => {
    const { cluster } = formed();
    assert.deepEqual(writtenDown(cluster), ["n1", "n2", "n3"]);
  });

  for (const id of [1, 2, 3]) {
    it(`is learned from who has it, node ${id}, and written down`, () => {
      const { cluster } = formed();
      move(cluster.node(id), "elsewhere");
      cluster.form();
      cluster.write("b", "1");
      cluster.level();
      cluster.run(3_000);
      assert.equal(writtenDown(cluster)[id - 1], "elsewhere");
      // Who starts anew finds it by what is written down.
      for (const node of cluster.nodes) {
        if (node.id !== id) node.kill();
      }
      cluster.form();
      cluster.write("c", "1");
      cluster.level();
    });
  }

  it("one node after the other is no trouble", () => {
    const { cluster } = formed();
    for (const node of cluster.nodes) {
      move(node, `new${node.id}`);
      cluster.form();
      cluster.write("b", `${node.id}`);
      cluster.level();
      cluster.run(3_000);
    }
    assert.deepEqual(writtenDown(cluster), ["new1", "new2", "new3"]);
  });

  it("of all nodes at once is found in their configuration files", () => {
    const { cluster } = formed();
    for (const node of cluster.nodes) node.kill();
    for (const node of cluster.nodes) {
      node.options = { ...node.options, addressOf: (id) => `new${id}` };
      move(node, `new${node.id}`);
    }
    cluster.form();
    cluster.write("b", "1");
    cluster.level();
    cluster.run(3_000);
    assert.deepEqual(writtenDown(cluster), ["new1", "new2", "new3"]);
  });
});
