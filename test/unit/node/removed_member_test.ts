/** A node that the cluster goes on without: how it learns of it, and that it does not come back. */

import { memberOf } from "../../../src/raft/configuration.ts";
import { changeMembers } from "../../harness/newcomer.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

function formed(): { cluster: SimCluster; leader: SimNode; leaving: SimNode } {
  const cluster = new SimCluster();
  const leader = cluster.form();
  cluster.write("a", "1");
  cluster.level();
  return { cluster, leader, leaving: cluster.others(leader)[0]! };
}

function remove(cluster: SimCluster, leader: SimNode, leaving: SimNode): void {
  changeMembers(cluster, leader, (members) => members.filter(({ id }) => id !== leaving.id));
}

function untilRemoved(cluster: SimCluster, node: SimNode): void {
  const isRemoved = () => node.formed?.places.place === "removed";
  cluster.until(isRemoved, `node ${node.id} to learn of its removal`);
}

/** It says so without asking anybody. */
function checkStaysAway(cluster: SimCluster, node: SimNode): void {
  cluster.until(() => node.identity()?.refused !== undefined, "that to be written down");
  assert.match(node.identity()?.refused ?? "", /was removed from the cluster, and no id is used/);
  node.kill();
  cluster.isolate(node);
  node.start();
  cluster.until(() => node.ended !== undefined, "the node to end", 1_000);
  assert.match(node.ended ?? "", /was removed from the cluster.* with an empty directory, --join/);
}

describe("A node that was removed", () => {
  it("learns it from its log, shows its last state, and is not started again", () => {
    const { cluster, leader, leaving } = formed();
    remove(cluster, leader, leaving);
    untilRemoved(cluster, leaving);
    assert.equal(leaving.ended, undefined);
    assert.equal(leaving.value("a"), "1");
    cluster.run(20_000);
    const { term, role } = leaving.status();
    assert.deepEqual([role, term, leader.leads], ["follower", leader.status().term, true]);
    checkStaysAway(cluster, leaving);
  });

  it("while it was down learns it from whoever answers", () => {
    const { cluster, leader, leaving } = formed();
    leaving.kill();
    remove(cluster, leader, leaving);
    cluster.run(60_000);
    leaving.start();
    untilRemoved(cluster, leaving);
    assert.equal(leaving.ended, undefined);
    checkStaysAway(cluster, leaving);
  });

  it("by itself learns it as well, and another one leads", () => {
    const { cluster, leader } = formed();
    remove(cluster, leader, leader);
    untilRemoved(cluster, leader);
    const next = cluster.leader();
    assert.notEqual(next, leader);
    cluster.write("b", "1");
    checkStaysAway(cluster, leader);
  });

  it("as dead, by the leader itself, is told when it comes back", () => {
    const config = { "raft.remove_dead_after_ms": "60000", "raft.voters_min": "2" };
    const cluster = new SimCluster({ config });
    const leader = cluster.form();
    const dead = cluster.others(leader)[0]!;
    const isListed = () =>
      memberOf(leader.status().configuration.configuration, dead.id) !== undefined;
    dead.kill();
    cluster.run(58_000);
    assert.ok(isListed());
    cluster.until(() => !isListed() && leader.status().configurationCommitted, "its removal");
    // Of two voters nobody can be spared.
    const [last] = cluster.others(leader, dead);
    last!.kill();
    cluster.run(300_000);
    last!.start();
    cluster.leader();
    cluster.write("b", "1");
    dead.start();
    untilRemoved(cluster, dead);
    checkStaysAway(cluster, dead);
  });

  it("is told at once, though the leader does not count it any more", () => {
    const { cluster, leader, leaving } = formed();
    cluster.network.cut(leader.address, leaving.address);
    remove(cluster, leader, leaving);
    // The others do not speak to it, and it does not see why it is not heard.
    cluster.run(3_000);
    cluster.network.heal();
    untilRemoved(cluster, leaving);
  });
});
