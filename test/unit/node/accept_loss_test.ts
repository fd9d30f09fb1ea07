/** A sole voter whose log lost something: what a person can accept, and what is then left. */

import { type Acceptance, acceptLoss } from "../../../src/node/accept_loss.ts";
import { get } from "../../harness/kv_commands.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { openStopped } from "../../harness/stopped_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

function accept(node: SimNode, onStep: (step: string) => void = () => {}): Acceptance {
  let acceptance: Acceptance | undefined;
  acceptLoss(openStopped(node, onStep), (came) => acceptance = came);
  node.disk.log.flush();
  assert.ok(acceptance !== undefined);
  return acceptance;
}

function soleVoter(): { readonly cluster: SimCluster; readonly node: SimNode } {
  const cluster = new SimCluster({ ids: [1] });
  const node = cluster.form();
  for (const key of ["a", "b", "c"]) cluster.write(key, "1");
  // The store commits what it has applied.
  cluster.run(1_000);
  node.kill();
  return { cluster, node };
}

describe("A sole voter's lost entries", () => {
  it("that the store has applied stay applied: the log begins anew behind them", () => {
    const { cluster, node } = soleVoter();
    const { applied } = node.store.tables.stored();
    assert.ok(applied.index > 4, `The store holds no more than entry ${applied.index}`);
    node.disk.log.damage(3);
    const acceptance = accept(node);
    assert.deepEqual(acceptance.kind === "accepted" && acceptance.goesOnBehind, applied);
    assert.match(acceptance.kind === "accepted" ? acceptance.lost : "", /missing or damaged/);
    node.start();
    cluster.until(() => node.leads, "the node to lead again");
    cluster.write("d", "2");
    assert.deepEqual(["a", "b", "d"].map((key) => node.value(key)), ["1", "1", "2"]);
  });

  it("are gone for good where the store loses them, too: the node says so, and serves none", () => {
    const { cluster, node } = soleVoter();
    node.disk.log.damage(3);
    accept(node);
    node.wipeStore();
    node.start();
    cluster.run(10_000);
    assert.equal(node.ended, undefined);
    const { needsSnapshot, replayed, role } = node.status();
    assert.deepEqual([needsSnapshot, replayed, role], [true, false, "follower"]);
    assert.equal(node.formed?.node.readNow(get("a")), undefined);
    assert.ok(node.lines.some((line) => /ERROR.*store lost.*backup/.test(line)));
  });

  it("are not accepted where the store has not come to where the log begins", () => {
    const config = { "snapshot.log_entries_max": "3", "snapshot.retained_entries_max": "1" };
    for (const isWiped of [true, false]) {
      const cluster = new SimCluster({
        ids: [1],
        config: { ...config, "snapshot.cool_down_ms": "100" },
      });
      const node = cluster.form();
      cluster.write("a", "1");
      cluster.run(1_000);
      const early = node.store.copy();
      for (const key of ["b", "c", "d", "e", "f", "g"]) cluster.write(key, "1");
      cluster.run(2_000);
      const { boundary } = node.status();
      assert.ok(boundary > 6, `The log begins behind ${boundary}`);
      node.kill();
      node.store = isWiped ? early.empty() : early;
      node.disk.log.damage(node.disk.log.lastIndex());
      const before = node.disk.identityFile().load();
      const acceptance = accept(node);
      assert.match(
        acceptance.kind === "refused" ? acceptance.reason : acceptance.kind,
        /has applied \d entries and the log begins behind \d+: .* restore a backup$/,
      );
      assert.deepEqual(node.disk.identityFile().load(), before);
    }
  });

  it("are left to the store only once no power cut can take them from there", () => {
    const { node } = soleVoter();
    node.disk.log.damage(3);
    const steps: string[] = [];
    const acceptance = accept(node, (step) => steps.push(step));
    assert.equal(acceptance.kind, "accepted");
    assert.deepEqual(steps, ["identity", "store made durable", "log"]);
    const { node: full } = soleVoter();
    full.disk.log.damage(3);
    full.store.isFull = true;
    assert.match(JSON.stringify(accept(full)), /refused.*too full/);
  });

  it("count as lost under a new epoch of the log, and can be lost again", () => {
    const { cluster, node } = soleVoter();
    for (let time = 2; time < 5; time++) {
      node.disk.log.damage(node.disk.log.lastIndex());
      assert.equal(accept(node).kind, "accepted");
      assert.equal(node.disk.identityFile().load()?.logEpoch, time);
      node.start();
      cluster.until(() => node.leads, "the node to lead again");
      cluster.write("e", String(time));
      cluster.run(1_000);
      node.kill();
    }
  });

  it("are accepted also where only another node has shown that there were some", () => {
    const { cluster, node } = soleVoter();
    const identities = node.disk.identityFile();
    identities.save({ ...identities.load()!, recovering: true, logEpoch: 4 }, () => {});
    node.start();
    cluster.until(() => node.ended !== undefined, "the end");
    assert.match(node.ended ?? "", /skein recover --accept-data-loss/);
    assert.equal(accept(node).kind, "accepted");
    assert.deepEqual([node.identity()?.recovering, node.identity()?.logEpoch], [false, 5]);
    node.start();
    cluster.until(() => node.leads, "the node to lead again");
    cluster.write("d", "2");
    assert.deepEqual(["a", "c", "d"].map((key) => node.value(key)), ["1", "1", "2"]);
  });

  it("are not accepted where nothing is lost", () => {
    const { node } = soleVoter();
    assert.deepEqual(accept(node), { kind: "whole" });
  });

  it("are not accepted where other voters may hold them", () => {
    const cluster = new SimCluster();
    const leader = cluster.form();
    cluster.write("a", "1");
    cluster.level();
    leader.kill();
    leader.disk.log.damage(leader.disk.log.lastIndex());
    const acceptance = accept(leader);
    assert.match(
      acceptance.kind === "refused" ? acceptance.reason : "",
      /start the node, it heals/,
    );
  });

  it("are not accepted where a learner was met, which may vote by now: what helps is told", () => {
    const { cluster, node } = soleVoter();
    const identities = node.disk.identityFile();
    const peerStarts = [{ id: 2, incarnation: "0".repeat(16), starts: 1, nonce: 1 }];
    identities.save({ ...identities.load()!, peerStarts }, () => {});
    node.disk.log.damage(3);
    const doubt =
      /if no other node votes it does not heal, then: skein recover --lost-quorum --acc/;
    const acceptance = accept(node);
    assert.match(acceptance.kind === "refused" ? acceptance.reason : "", doubt);
    node.start();
    cluster.run(1_000);
    assert.ok(node.lines.some((line) => line.includes("WARN") && doubt.test(line)));
  });
});
