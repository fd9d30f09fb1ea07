/** A store that is wrong in a way which shows in no checksum is found out by comparing. */

import { changeCrc32c } from "../../src/kv/checksum.ts";
import { openSqliteTables } from "../conformance/state_machine_places.ts";
import { bytes } from "../harness/kv_commands.ts";
import {
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { assert, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const often = { "storage.compare_interval_ms": "200" };

async function withCluster(
  nodes: number,
  run: (cluster: ServerCluster) => Promise<void>,
): Promise<void> {
  const cluster = await makeServerCluster(nodes);
  try {
    await Promise.all(cluster.nodes.map((node) => node.start(often)));
    await cluster.ready();
    await run(cluster);
  } finally {
    await cluster.remove();
  }
}

async function patch(node: ServedNode, body: string): Promise<void> {
  const headers = { "Content-Type": "application/merge-patch+json" };
  const response = await node.fetch("/v1/kv/a", { method: "PATCH", body, headers });
  assert.ok(response.ok, await response.text());
}

/** While the node is stopped; each row is right by itself afterwards. */
function rewrite(node: ServedNode, value: string): void {
  const tables = openSqliteTables(node.dataDir, 1, { clusterId: "skein" });
  const change = tables.live(bytes("a"));
  assert.ok(change);
  const other = { ...change, value: bytes(value) };
  tables.removeChange(change.number);
  tables.append({ ...other, crc32c: changeCrc32c(other) }, "live");
  tables.commit(tables.stored(), "normal");
  tables.close();
}

/** Node 1 and 2 have the one value, or node 1 does; the last node has the other one. */
async function corruptLast(cluster: ServerCluster): Promise<ServedNode> {
  const last = cluster.node(cluster.nodes.length);
  await patch(await cluster.leader(), '{"a":1}');
  const holds = async (): Promise<boolean> =>
    (await last.fetch("/v1/kv/a?consistency=eventual")).ok;
  await until(holds, { what: "the value at the last node" });
  const checked = async (): Promise<boolean> =>
    (await last.readiness()).text.includes("[+] state_hash: as at node 1");
  await until(checked, { what: "a comparison" });
  await last.stop();
  rewrite(last, '{"a":2}');
  await last.start(often);
  await cluster.ready();
  // What was read from the wrong row goes into what is written.
  await patch(await cluster.leader(), '{"b":1}');
  return last;
}

function said(node: ServedNode, text: string): boolean {
  return node.lines.some((line) => line.includes(text));
}

describe("A node whose store differs from the others'", () => {
  it("ends where a majority of the voters agrees, and they go on and say who it was", async () => {
    await withCluster(3, async (cluster) => {
      const last = await corruptLast(cluster);
      assert.deepEqual(await last.server.stopped, { code: 1 });
      const line = last.lines.at(-1) ?? "";
      assert.match(
        line,
        /kv\.db is damaged: after entry \d+ of term \d+ the hash of its state is \w{16}, but /,
      );
      await last.stop();
      const others = cluster.others(last);
      await patch(await cluster.leader(), '{"c":1}');
      await cluster.ready();
      for (const node of others) {
        assert.equal(said(node, "no majority tells"), false);
      }
    });
  });

  it("is not ready where there is no majority, and neither is the other one", async () => {
    await withCluster(2, async (cluster) => {
      await corruptLast(cluster);
      for (const node of cluster.nodes) {
        await until(async () => (await node.readiness()).status === 503, { what: "a refusal" });
        const { text } = await node.readiness();
        assert.match(text, /state_hash: after entry \d+ of term \d+ the hash of its state is /);
        assert.ok(said(node, "no majority tells which is right"));
      }
      // Nobody is stopped: a person has to look.
      await patch(await cluster.leader(), '{"c":1}');
    });
  });
});
