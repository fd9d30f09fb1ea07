/** A backup restored into real processes, of which the leader is killed in the midst of it. */

import { assert, describe, it } from "../harness/test.ts";
import { type Build, type NodeProcess, withCluster } from "../harness/processes.ts";
import { runtimeName } from "../harness/runtime.ts";
import { until } from "../harness/wait.ts";

const other: Build = runtimeName === "bun" ? "deno" : "bun";
const builds: readonly Build[] = [runtimeName, other, runtimeName];

async function put(node: NodeProcess, keys: readonly string[], value: string): Promise<void> {
  const body = JSON.stringify(keys.map((key) => ({ put: { key, value } })));
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(`${node.url}/v1/batch`, { method: "POST", headers, body });
  assert.equal(answer.status, 200, await answer.text());
}

/** All keys with their values, and the revision that shows them. */
async function held(node: NodeProcess): Promise<{ values: string[]; revision: number }> {
  const answer = await fetch(`${node.url}/v1/kv?format=ndjson`);
  const lines = (await answer.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
  const end = lines.pop();
  assert.equal(end?.end, true, JSON.stringify(end));
  return { values: lines.map(({ key, value }) => `${key}=${value}`), revision: end.revision };
}

async function isRestoring(node: NodeProcess): Promise<boolean> {
  const answer = await fetch(`${node.url}/readyz?verbose=true`);
  return /a backup is being restored/.test(await answer.text());
}

describe("A backup that is restored", () => {
  it("is whole on every node, though the leader is killed in the midst of it", async () => {
    await withCluster({ builds }, async (cluster) => {
      await cluster.start();
      const leader = await cluster.leader();
      for (let round = 0; round < 8; round++) {
        const keys = Array.from({ length: 1_000 }, (_, at) => `kept/${round}/${at}`);
        await put(leader, keys, "then");
      }
      const saved = await fetch(`${leader.url}/v1/snapshot`);
      const backup = await saved.bytes();
      assert.equal(saved.headers.get("Content-Length"), String(backup.length));
      const expected = await held(leader);
      await put(leader, ["kept/0/0", "unwanted"], "since");
      const through = cluster.nodes.find((node) => node !== leader)!;
      const restoring = fetch(`${through.url}/v1/snapshot?replace=true`, {
        method: "PUT",
        body: backup,
      });
      await until(() => isRestoring(through), { what: "the restore to be under way" });
      await leader.kill();
      const restored = await restoring;
      assert.equal(restored.status, 200, await restored.clone().text());
      const { revision } = await restored.json();
      assert.ok(revision > expected.revision + 1);
      leader.start();
      await leader.ready();
      for (const node of cluster.nodes) {
        assert.deepEqual(await held(node), { values: expected.values, revision });
      }
      await put(leader, ["after"], "all");
    });
  });
});
