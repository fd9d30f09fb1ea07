/** A majority is gone for good: what a node that is left can go on with, and who may come back. */

import {
  goOnAlone,
  type Loneliness,
  type Remains,
  remainsOf,
} from "../../../src/node/lost_quorum.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { openStopped } from "../../harness/stopped_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const fresh = "00000000000000ff";

function alone(
  node: SimNode,
  { onStep, incarnation = fresh }: {
    readonly onStep?: Parameters<typeof openStopped>[1];
    readonly incarnation?: string;
  } = {},
): Loneliness {
  let came: Loneliness | undefined;
  const parts = openStopped(node, onStep);
  goOnAlone({ ...parts, drawIncarnation: () => incarnation }, (outcome) => came = outcome);
  for (let left = 3; came === undefined && left > 0; left--) node.disk.log.flush();
  assert.ok(came !== undefined);
  return came;
}

function remains(node: SimNode): Remains {
  return remainsOf(openStopped(node));
}

/** Three nodes that hold a, b and c, all down. */
function downed(): {
  readonly cluster: SimCluster;
  readonly survivor: SimNode;
  readonly gone: readonly SimNode[];
} {
  const cluster = new SimCluster();
  const leader = cluster.form();
  for (const key of ["a", "b", "c"]) cluster.write(key, "1");
  cluster.level();
  cluster.run(3_000);
  const [survivor] = cluster.others(leader);
  for (const node of cluster.nodes) node.kill();
  return { cluster, survivor: survivor!, gone: cluster.others(survivor!) };
}

describe("A node that is left when the quorum is lost", () => {
  it("goes on alone with all that it holds, and takes writes", () => {
    const { cluster, survivor } = downed();
    const before = remains(survivor);
    const came = alone(survivor);
    assert.deepEqual(came, {
      kind: "alone",
      position: { index: before.lastLog.index + 1, term: before.currentTerm + 1 },
      incarnation: fresh,
    });
    survivor.start();
    cluster.until(() => survivor.leads, "the node to lead");
    cluster.write("d", "2");
    assert.deepEqual(["a", "c", "d"].map((key) => survivor.value(key)), ["1", "1", "2"]);
    const { configuration } = survivor.status().configuration;
    assert.deepEqual(configuration.members.map(({ id }) => id), [survivor.id]);
    assert.equal(configuration.nodeIdMax, 3);
  });

  it("is another node to those that come back, and each side goes its own way", () => {
    const { cluster, survivor, gone } = downed();
    alone(survivor);
    survivor.start();
    cluster.until(() => survivor.leads, "the node to lead");
    for (const node of gone) node.start();
    const old = (): SimNode | undefined => gone.find(({ leads }) => leads);
    cluster.until(() => old() !== undefined, "the old majority to elect");
    const told = survivor.put("d", "new");
    const toldOld = old()!.put("d", "old");
    cluster.until(() => told.length + toldOld.length === 2, "both writes");
    cluster.run(20_000);
    assert.deepEqual([told[0]?.kind, toldOld[0]?.kind], ["applied", "applied"]);
    assert.ok(survivor.leads, "it leads on");
    assert.deepEqual(cluster.nodes.map(({ ended }) => ended), [undefined, undefined, undefined]);
    assert.equal(survivor.value("d"), "new");
    for (const node of gone) assert.equal(node.value("d"), "old");
  });

  it("leaves no id free that it has seen, its own among them, whatever its log says", () => {
    const start = { id: 8, incarnation: "0".repeat(16), starts: 1, nonce: 1 };
    // The first: as of a node that was down before its log came to the entry that names it.
    for (const [own, highest] of [[9, 9], [undefined, 8]] as const) {
      const { survivor } = downed();
      const identities = survivor.disk.identityFile();
      const seen = { joining: [{ id: 7, address: "n7" }], peerStarts: [start] };
      const nodeId = own ?? survivor.id;
      identities.save({ ...identities.load()!, nodeId, ...seen }, () => {});
      assert.equal(alone(survivor).kind, "alone");
      const { configurations } = openStopped(survivor).storage.stored();
      assert.equal(configurations.at(-1)?.configuration.nodeIdMax, highest);
    }
  });

  it("leaves none of them free where it was interrupted and is run again", () => {
    const { survivor } = downed();
    const identities = survivor.disk.identityFile();
    const start = { id: 8, incarnation: "0".repeat(16), starts: 1, nonce: 1 };
    identities.save({ ...identities.load()!, peerStarts: [start] }, () => {});
    const powerCut = (next: string): void => {
      if (next === "log") throw new Error("power cut");
    };
    assert.throws(() => alone(survivor, { onStep: powerCut }));
    assert.equal(alone(survivor, { incarnation: "00000000000000fe" }).kind, "alone");
    const { configurations } = openStopped(survivor).storage.stored();
    assert.equal(configurations.at(-1)?.configuration.nodeIdMax, 8);
  });

  it("goes on although the cluster had turned it away, and whatever starts it had seen", () => {
    const { cluster, survivor } = downed();
    const identities = survivor.disk.identityFile();
    identities.save({ ...identities.load()!, refused: "an older copy" }, () => {});
    assert.equal(alone(survivor).kind, "alone");
    survivor.start();
    cluster.until(() => survivor.leads, "the node to lead");
  });

  it("may have lost something itself, and says what", () => {
    const { cluster, survivor } = downed();
    survivor.disk.log.damage(3);
    assert.match(remains(survivor).lost ?? "", /entry 3 .* damaged/);
    assert.equal(alone(survivor).kind, "alone");
    survivor.start();
    cluster.until(() => survivor.leads, "the node to lead");
    assert.deepEqual(["a", "c"].map((key) => survivor.value(key)), ["1", "1"]);
  });

  for (const step of ["identity", "log"] as const) {
    it(`a crash before the ${step} is written leaves nothing half done`, () => {
      const { cluster, survivor, gone } = downed();
      assert.throws(() =>
        alone(survivor, {
          onStep: (next) => {
            if (next === step) throw new Error("power cut");
          },
        })
      );
      survivor.start();
      if (step === "identity") {
        for (const node of gone) node.start();
        cluster.level();
        return;
      }
      cluster.until(() => survivor.ended !== undefined, "the node to end");
      assert.match(survivor.ended ?? "", /interrupted; run it again/);
      assert.equal(alone(survivor, { incarnation: "00000000000000fe" }).kind, "alone");
      survivor.start();
      cluster.until(() => survivor.leads, "the node to lead");
    });
  }

  it("cannot go on whose store is behind its log, nor who never belonged to a cluster", () => {
    const { survivor } = downed();
    const parts = openStopped(survivor);
    const { position, configuration } = parts.machine.applied();
    const boundary = { position, timeMs: 0, configuration };
    const { hardState, batchNumber } = parts.storage.stored();
    parts.storage.persist(
      { number: batchNumber + 1, hardState, entries: [], compactTo: boundary },
      () => {},
    );
    survivor.disk.log.flush();
    survivor.wipeStore();
    const came = alone(survivor);
    assert.match(came.kind === "refused" ? came.reason : "", /what is in between is lost/);
    const unformed = new SimCluster({ ids: [1, 2] });
    const [unborn] = unformed.nodes;
    assert.ok(unborn !== undefined);
    unborn.start();
    unformed.run(1_000);
    unborn.kill();
    const never = remains(unborn);
    assert.match(never.refusal ?? "", /never belonged to a cluster/);
  });
});
