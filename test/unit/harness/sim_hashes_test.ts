/** Simulated nodes compare their states, and see a difference that was planted. */

import type { StateVerdict } from "../../../src/service/state_comparison.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { noObserver } from "../../harness/sim_observer.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** The scrub would find the difference as well, and first. */
const config = {
  "storage.compare_interval_ms": "200",
  "storage.scrub_interval_ms": "3600000",
};

/** A cluster of which all members have been found equal, and what they find from then on. */
function equalCluster(count: number) {
  const found: (readonly [number, StateVerdict["kind"]])[] = [];
  const ids = Array.from({ length: count }, (_, at) => at + 1);
  const compared = (node: SimNode, { kind }: StateVerdict) => void found.push([node.id, kind]);
  const cluster = new SimCluster({ ids, config, observer: { ...noObserver, compared } });
  cluster.form();
  cluster.write("a", "1");
  cluster.level();
  found.splice(0);
  const areAllEqual = () => ids.every((id) => found.some(([by]) => by === id));
  cluster.until(areAllEqual, "comparisons by all");
  assert.deepEqual([...new Set(found.map(([, kind]) => kind))], ["equal"]);
  return { cluster, found };
}

/** What no checksum shows: rows that are right by themselves, and a sum that fits them. */
function plant(cluster: SimCluster, node: SimNode): void {
  node.kill();
  const { tables } = node.store;
  const stored = tables.stored();
  tables.commit({ ...stored, stateHash: { a: 1, b: 2 } }, "durable");
  node.start();
  cluster.until(() => node.formed !== undefined || !node.isRunning, "a start");
}

describe("simulated members", () => {
  it("end where a majority has another state, and the others go on", () => {
    const { cluster } = equalCluster(3);
    const [first, second, third] = cluster.nodes;
    plant(cluster, third!);
    cluster.until(() => !third!.isRunning, "its end");
    assert.match(
      third!.ended ?? "",
      /^The store in memory is damaged: after entry \d+ of term \d+ the /,
    );
    cluster.write("b", "1");
    assert.deepEqual([first!.isRunning, second!.isRunning], [true, true]);
  });

  it("go on where two differ, and both say so", () => {
    const { cluster, found } = equalCluster(2);
    plant(cluster, cluster.node(2));
    const saw = (id: number) => found.some(([by, kind]) => by === id && kind === "differing");
    cluster.until(() => saw(1) && saw(2), "differences");
    assert.ok(cluster.nodes.every(({ isRunning }) => isRunning));
  });

  it("compare with those who answer", () => {
    const { cluster, found } = equalCluster(3);
    const last = cluster.others(cluster.leader())[0]!;
    cluster.isolate(last);
    // What was asked before is told.
    cluster.run(2_000);
    found.splice(0);
    cluster.until(() => found.length > 4, "comparisons");
    assert.deepEqual([...new Set(found.map(([, kind]) => kind))], ["equal"]);
    assert.ok(found.every(([by]) => by !== last.id));
  });
});
