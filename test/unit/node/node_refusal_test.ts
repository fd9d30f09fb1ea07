/** What keeps a node from starting: for this time, or for good. */

import { SimCluster } from "../../harness/sim_cluster.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("A node that cannot start on what it finds", () => {
  it("starts again once that was put right", () => {
    const cluster = new SimCluster({ ids: [1] });
    const node = cluster.form();
    const older = node.copy();
    cluster.write("a", "1");
    node.kill();
    const whole = node.copy();
    node.disk.regress(older.disk);
    for (let attempt = 0; attempt < 2; attempt++) {
      node.start();
      cluster.run(1_000);
      assert.match(
        node.ended ?? "",
        /^Node 1 cannot run on .*: raft.db is at write 3, .* skein recover/,
      );
    }
    assert.equal(node.identity()?.refused, undefined);
    node.disk.regress(whole.disk);
    cluster.form();
    assert.equal(node.value("a"), "1");
  });

  it("is turned away by a cluster that knows its id with another directory", () => {
    const cluster = new SimCluster();
    const leader = cluster.form();
    const [node] = cluster.others(leader);
    node!.kill();
    node!.wipe();
    for (let attempt = 0; attempt < 2; attempt++) {
      node!.start();
      cluster.until(() => !node!.isRunning, "the refusal");
      assert.match(
        node!.ended ?? "",
        /^The cluster refuses node \d in .*(belongs to another data directory|knows node)/,
      );
    }
  });
});
