/** What one turn of a node does, and what it leaves to the next one. */

import { entryBytes } from "../../../src/raft/log.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import { noObserver } from "../../harness/sim_observer.ts";
import { assert, describe, it } from "../../harness/test.ts";

const pageBytesMax = 1024 * 1024;
const valueBytes = 96 * 1024;

describe("A node with much to apply", () => {
  it("applies no more in one turn than two pages, and all of it by itself", () => {
    let bytes = 0;
    const turns: number[] = [];
    const cluster = new SimCluster({
      ids: [1],
      observer: {
        ...noObserver,
        applied: (_, entries) => {
          for (const entry of entries) bytes += entryBytes(entry);
        },
        turned: () => {
          turns.push(bytes);
          bytes = 0;
        },
      },
    });
    const node = cluster.form();
    for (let at = 0; at < 50; at++) cluster.write(`k${at}`, "v".repeat(valueBytes));
    node.kill();
    node.wipeStore();
    turns.length = 0;
    node.start();
    // Long before a tick: each turn asks for the next one.
    cluster.until(() => node.formed !== undefined, "the node to be put together");
    cluster.run(1);
    assert.equal(node.value("k40")?.length, valueBytes);
    const busy = turns.filter((each) => each > pageBytesMax / 2);
    assert.ok(busy.length >= 3, `The backlog took the turns ${turns}`);
    assert.ok(Math.max(...turns) <= 2 * pageBytesMax, `One turn applied ${Math.max(...turns)}`);
  });
});
