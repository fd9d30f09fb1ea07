/** A node that a living cluster has taken in: how it is born, found, and never founds anything. */

import { memberOf, votersOf } from "../../../src/raft/configuration.ts";
import type { NodeStatus } from "../../../src/node/parts.ts";
import type { NodeId } from "../../../src/raft/types.ts";
import { changeMembers, memberFor, newcomer } from "../../harness/newcomer.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const promotes = { "raft.promote_learners": "true" };

/** Three nodes with something in their store. */
function formed(ids: readonly NodeId[] = [1, 2, 3]): SimCluster {
  const cluster = new SimCluster({ ids, config: promotes });
  cluster.form();
  for (let at = 0; at < 20; at++) cluster.write(`k${at}`, `v${at}`);
  return cluster;
}

function add(cluster: SimCluster, leader: SimNode, node: SimNode): void {
  changeMembers(cluster, leader, (members) => [...members, memberFor(node)]);
}

const placeOf = (node: SimNode): string | undefined => node.formed?.places.place;

function untilMember(cluster: SimCluster, node: SimNode): void {
  cluster.until(() => placeOf(node) === "member", `node ${node.id} to be a member`);
}

function untilVoter(cluster: SimCluster, leader: SimNode, id: NodeId): void {
  const votes = () => votersOf(leader.status().configuration.configuration.members).includes(id);
  cluster.until(() => votes() && leader.status().configurationCommitted, `node ${id} to vote`);
}

/** Takes the node in, and waits until it votes. */
function grow(cluster: SimCluster, leader: SimNode, node: SimNode): void {
  add(cluster, leader, node);
  node.start();
  untilMember(cluster, node);
  untilVoter(cluster, leader, node.id);
}

describe("A node that the cluster has taken in", () => {
  it("is born into the cluster as it was, catches up and becomes a voter by itself", () => {
    const cluster = formed();
    const leader = cluster.leader();
    const node = newcomer(cluster, { id: 4 });
    grow(cluster, leader, node);
    assert.equal(node.value("k19"), "v19");
    assert.deepEqual(node.identity()?.birth?.members.map(({ id }) => id), [1, 2, 3]);
    cluster.until(() => node.identity()?.joining === undefined, "the cluster to be known");
    cluster.write("x", "1");
    cluster.until(() => node.value("x") === "1", "the new voter to have the write");
  });

  it("takes a single node to two and to three", () => {
    const cluster = formed([1]);
    const leader = cluster.leader();
    for (const id of [2, 3]) grow(cluster, leader, newcomer(cluster, { id }));
    assert.deepEqual(votersOf(leader.status().configuration.configuration.members), [1, 2, 3]);
    cluster.write("x", "1");
  });

  it("shows nobody the past in which it was not there", () => {
    const cluster = formed();
    const node = newcomer(cluster, { id: 4 });
    node.start();
    cluster.until(() => node.formed !== undefined, "its birth");
    cluster.run(5_000);
    assert.equal(placeOf(node), "joining");
    add(cluster, cluster.leader(), node);
    untilMember(cluster, node);
  });

  it("founds nothing, however long nobody answers, and finds the cluster when it does", () => {
    const cluster = formed([1]);
    const founder = cluster.node(1);
    const node = newcomer(cluster, { id: 2 });
    add(cluster, founder, node);
    founder.kill();
    node.start();
    cluster.run(60_000);
    assert.equal(node.formed, undefined);
    assert.match(node.birth?.waitingFor() ?? "", /^node 1 at n1 \(no answer\)$/);
    founder.start();
    untilMember(cluster, node);
  });

  it("is started again at any moment, also elsewhere, and is the same member", () => {
    const moments: Readonly<Record<string, (node: SimNode) => boolean>> = {
      "before it was born": () => true,
      "born": (node) => node.formed !== undefined,
      "a member": (node) => placeOf(node) === "member",
    };
    for (const [moment, hasCome] of Object.entries(moments)) {
      const cluster = formed();
      const leader = cluster.leader();
      const node = newcomer(cluster, { id: 4 });
      add(cluster, leader, node);
      node.start();
      cluster.until(() => hasCome(node), moment);
      node.kill();
      node.address = "elsewhere";
      node.start();
      untilMember(cluster, node);
      untilVoter(cluster, leader, 4);
      cluster.run(3_000);
      const { configuration } = leader.status().configuration;
      assert.equal(memberOf(configuration, 4)?.addresses?.rpc, "elsewhere", moment);
    }
  });

  it("is told when it was removed before it was born", () => {
    const cluster = formed();
    const leader = cluster.leader();
    const node = newcomer(cluster, { id: 4 });
    add(cluster, leader, node);
    changeMembers(cluster, leader, (members) => members.filter(({ id }) => id !== 4));
    // Of one that has not heard of it yet the node is born, and learns it from the log.
    cluster.run(1_000);
    node.start();
    cluster.until(() => node.ended !== undefined, "the node to be turned away");
    assert.match(node.ended ?? "", /node 4 was removed from the cluster, and no id is used twice/);
  });
});

describe("A node that joins where the log is compacted", () => {
  const compacts = {
    ...{ "snapshot.log_entries_max": "20", "snapshot.cool_down_ms": "100" },
    ...{ "snapshot.retained_entries_max": "5", "snapshot.held_bytes_max": "0" },
  };

  it("gets an image of the store, and is a member by it", () => {
    const cluster = new SimCluster({ config: { ...promotes, ...compacts } });
    const leader = cluster.form();
    for (let at = 0; at < 60; at++) cluster.write(`k${at % 7}`, `v${at}`);
    cluster.run(1_000);
    assert.ok(leader.status().boundary > 20);
    const node = newcomer(cluster, { id: 4, config: compacts });
    grow(cluster, leader, node);
    assert.equal(node.value("k3"), "v59");
    assert.ok(node.status().boundary > 20, "the entries before it are nowhere");
    node.kill();
    node.start();
    cluster.write("x", "1");
    cluster.until(() => node.value("x") === "1", "the write after its next start");
  });
});

describe("A node that comes after all founders have gone", () => {
  it("follows a leader that its birth does not name", () => {
    const cluster = formed();
    const leader = cluster.leader();
    const later = [4, 5, 6].map((id) => newcomer(cluster, { id, config: promotes }));
    for (const node of later) grow(cluster, leader, node);
    const [second] = later;
    const told = leader.transfer(4);
    cluster.until(() => told.length > 0, "the leadership to be handed over");
    const isReady = ({ termStart, commitIndex }: NodeStatus) => commitIndex >= (termStart ?? NaN);
    cluster.until(() => isReady(second!.status()), "the new leader's no-op to be committed");
    changeMembers(cluster, second!, (members) => members.filter(({ id }) => id > 3));
    cluster.until(
      () => cluster.nodes.every((node) => placeOf(node) === "removed"),
      "their removal",
    );
    for (const node of cluster.nodes) node.kill();
    const last = newcomer(cluster, { id: 7, contacts: later });
    grow(cluster, second!, last);
    assert.equal(last.value("k0"), "v0");
    assert.deepEqual(last.identity()?.birth?.members.map(({ id }) => id), [1, 2, 3]);
  });
});
