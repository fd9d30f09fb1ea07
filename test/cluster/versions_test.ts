/** Nodes of two versions of the program in one cluster: what a rolling upgrade goes through. */

import { dataVersionAtFirst } from "../../src/kv/data_version.ts";
import { programVersions } from "../../src/server_versions.ts";
import {
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { assert, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const first = { ...programVersions, data: dataVersionAtFirst };
const next = {
  ...programVersions,
  data: dataVersionAtFirst + 1,
  since: { grantLease: dataVersionAtFirst + 1 },
};

async function withCluster(run: (cluster: ServerCluster) => Promise<void>): Promise<void> {
  const cluster = await makeServerCluster();
  try {
    await Promise.all(cluster.nodes.map((node) => node.start({}, first)));
    await cluster.ready();
    await run(cluster);
  } finally {
    await cluster.remove();
  }
}

async function write(cluster: ServerCluster, value: string): Promise<void> {
  await until(async () => {
    const leader = await cluster.leader();
    return (await leader.fetch("/v1/kv/a", { method: "PUT", body: value })).ok;
  }, { what: "a write" });
}

function said(node: ServedNode, text: string): boolean {
  return node.lines.some((line) => line.includes(text));
}

async function grant(node: ServedNode): Promise<string> {
  const headers = { "Content-Type": "application/json" };
  const answer = await node.fetch("/v1/leases", { method: "POST", headers, body: '{"ttl":"60s"}' });
  return `${answer.status} ${await answer.text()}`;
}

/** The data version that the cluster uses, and the one that this node can apply. */
async function told(node: ServedNode): Promise<readonly [inUse: number, newest: number]> {
  const cluster = await (await node.fetch("/v1/cluster")).json();
  const version = await (await node.fetch("/version")).json();
  return [cluster.data_version, version.data_version];
}

/** Who leads, once one of them does. */
async function ledBy(cluster: ServerCluster, ids: readonly number[]): Promise<ServedNode> {
  return await until(async () => {
    const leader = await cluster.leader();
    if (ids.includes(leader.id)) return leader;
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ target: ids[0] });
    await leader.fetch("/v1/cluster/leadership", { method: "POST", headers, body });
    return false;
  }, { what: `one of ${ids.join(", ")} to lead` });
}

const raised = "the cluster uses a later data version";

describe("A rolling upgrade", () => {
  it("raises the data version behind the last node, and then there is no way back", async () => {
    await withCluster(async (cluster) => {
      const again = async (id: number, versions: typeof first): Promise<void> => {
        await cluster.node(id).stop();
        await cluster.node(id).start({}, versions);
        await cluster.ready();
      };
      await again(1, next);
      await again(2, next);
      await write(cluster, "on two versions");
      // One of three cannot apply more: what it does not know is not written.
      const leader = await ledBy(cluster, [1, 2]);
      for (const node of [leader, cluster.node(leader.id === 1 ? 2 : 1)]) {
        assert.match(await grant(node), /^503 .*needs data version 5, and the cluster uses 4/);
      }
      assert.equal(cluster.nodes.some((node) => said(node, raised)), false);
      assert.deepEqual(await told(cluster.node(1)), [first.data, next.data]);
      assert.deepEqual(await told(cluster.node(3)), [first.data, first.data]);
      await again(3, next);
      await until(() => cluster.nodes.some((node) => said(node, raised)), {
        what: "the new version",
      });
      await until(async () => (await grant(cluster.node(1))).startsWith("201 "), {
        what: "a lease",
      });
      for (const node of cluster.nodes) {
        await until(async () => (await told(node))[0] === next.data, { what: "its data version" });
      }
      await write(cluster, "the last");
      const last = cluster.node(3);
      await last.stop();
      // It says so at its start, or when it comes to that entry of its log.
      const ended = async (): Promise<void> => {
        await last.start({}, first);
        await last.server.stopped;
        throw new Error(last.lines.at(-1));
      };
      await assert.rejects(ended, {
        message: new RegExp(
          `The cluster uses data version ${next.data}, this program knows ${first.data}: start ` +
            "a later version of it on this directory$",
        ),
      });
      await last.stop();
      await last.start({}, next);
      await cluster.ready();
      const kept = await (await last.fetch("/v1/kv/a?consistency=linearizable")).text();
      assert.equal(kept, "the last");
    });
  });

  it("leaves out who speaks no protocol of the others, and says who is too old", async () => {
    await withCluster(async (cluster) => {
      const node = cluster.node(3);
      await node.stop();
      await node.start({}, { ...first, protocols: { oldest: 2, newest: 2 } });
      // Whoever hears the other's Hello first refuses it, and both versions are named either way.
      const text = "start a later version of the program as node 1";
      await until(() => said(cluster.node(1), text), { what: "a refusal" });
      await node.stop();
      await write(cluster, "without it");
      await node.start({}, { ...first, protocols: { oldest: 1, newest: 2 } });
      await cluster.ready();
      const kept = await (await node.fetch("/v1/kv/a?consistency=linearizable")).text();
      assert.equal(kept, "without it");
    });
  });
});
