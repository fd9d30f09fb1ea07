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

  it("does not serve alone where its file names nodes that its cluster never had", () => {
    const cluster = new SimCluster({ ids: [1] });
    const born = cluster.form();
    cluster.write("a", "1");
    born.kill();
    const grown = cluster.make({ id: 1, ids: [1, 2, 3] });
    grown.restore(born.copy());
    for (let attempt = 0; attempt < 2; attempt++) {
      grown.start();
      cluster.run(1_000);
      assert.match(
        grown.ended ?? "",
        /^Node 1 cannot run on .* names the nodes 1, 2, 3, and the members of the cluster are 1: /,
      );
    }
    assert.equal(cluster.form().value("a"), "1");
  });

  it("starts where its file is behind the cluster, or its log behind the file", () => {
    const cluster = new SimCluster();
    let node = cluster.form();
    cluster.write("a", "1");
    const { id } = node;
    for (const ids of [[1, 2, 3, 4], [id, 4], [id]]) {
      node.kill();
      const renamed = cluster.make({ id, ids });
      renamed.restore(node.copy());
      renamed.start();
      cluster.until(() => renamed.value("a") === "1", `the node with ${ids}`);
      const told = renamed.lines.filter((line) => /names the nodes .*, and the mem/.test(line));
      assert.equal(told.length, ids.length === 1 ? 0 : 1);
      node = renamed;
    }
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
