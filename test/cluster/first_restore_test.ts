/** Clusters that begin with a backup, while applications are writing from the first moment on. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { assert, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

/** Of a cluster that holds `kept/0` to `kept/49`. */
async function someBackup(): Promise<Uint8Array> {
  const source = await makeServerCluster(1);
  try {
    await source.start();
    const node = source.nodes[0]!;
    for (let key = 0; key < 50; key++) {
      assert.ok((await node.fetch(`/v1/kv/kept/${key}`, { method: "PUT", body: "v" })).ok);
    }
    return await (await fetch(`${node.url}/v1/snapshot`)).bytes();
  } finally {
    await source.remove();
  }
}

/** Writes through each node again and again; what was not refused is counted. */
function applications(cluster: ServerCluster) {
  const seen = { refused: 0, written: 0, isOver: false };
  const running = cluster.nodes.map(async (node) => {
    while (!seen.isOver) {
      const init = { method: "PUT", body: "theirs" };
      const answer = await node.fetch(`/v1/kv/app/${node.id}?timeout=2s`, init).catch(() => {});
      if (answer?.ok === true) seen.written++;
      else seen.refused++;
    }
  });
  const end = async (): Promise<void> => {
    seen.isOver = true;
    await Promise.all(running);
  };
  return { seen, end };
}

async function lead(cluster: ServerCluster, wanted: readonly number[]): Promise<void> {
  const leader = await cluster.leader();
  if (wanted.includes(leader.id)) return;
  const body = JSON.stringify({ target: wanted[0] });
  const headers = { "Content-Type": "application/json" };
  const init = { method: "POST", headers, body };
  assert.ok((await leader.fetch("/v1/cluster/leadership", init)).ok);
  await until(async () => wanted.includes((await cluster.leader()).id), { what: "it to lead" });
}

async function problemOf(node: ServedNode, init: { method?: string; body?: string } = {}) {
  const answer = await node.fetch("/v1/kv/kept/7", init);
  return { status: answer.status, text: await answer.text() };
}

describe("A cluster that begins with a backup", () => {
  it("serves nobody before it is there, and all of it from then on", async () => {
    const backup = await someBackup();
    using directory = makeTempDir("first");
    const first = join(directory.path, "first.skein");
    const cluster = await makeServerCluster();
    try {
      const named = { "backup.restore_on_first_start": first };
      const [one, two, other] = [cluster.node(1), cluster.node(2), cluster.node(3)];
      await Promise.all([one.start(named), two.start(named), other.start()]);
      await lead(cluster, [1, 2]);
      const { seen, end } = applications(cluster);
      const leader = await cluster.leader();
      await until(async () => /first_restore: .*ENOENT/.test((await leader.readiness()).text), {
        what: "the backup to be missed",
      });
      await until(() => seen.refused >= 10, { what: "writes to be refused" });
      for (const node of [one, two]) {
        assert.equal((await node.readiness()).status, 503);
        assert.equal((await node.fetch("/startupz")).status, 200);
        const read = await problemOf(node);
        assert.equal(read.status, 503);
        assert.match(read.text, /not_ready.*without that key the store begins empty/s);
      }
      for (const node of cluster.nodes) {
        const write = await problemOf(node, { method: "PUT", body: "theirs" });
        assert.equal(write.status, 503);
        assert.match(
          write.text,
          /"not_applied".*"retryable":true|"retryable":true.*"not_applied"/s,
        );
      }
      assert.equal(seen.written, 0);
      writeFileSync(first, backup);
      await cluster.ready();
      await until(() => seen.written >= 3, { what: "the applications to go on" });
      await end();
      for (const node of cluster.nodes) {
        const listed = await (await node.fetch("/v1/kv?prefix=kept/&format=ndjson")).text();
        assert.equal(listed.trimEnd().split("\n").length, 51, "its keys, and the end");
      }
    } finally {
      await cluster.remove();
    }
  });

  it("begins empty where the key is taken out", async () => {
    const cluster = await makeServerCluster(1);
    try {
      const node = cluster.node(1);
      await node.start({ "backup.restore_on_first_start": "/nowhere/at/all" });
      await until(async () => /first_restore/.test((await node.readiness()).text), {
        what: "it to wait",
      });
      await node.stop();
      await cluster.start();
      const put = await node.fetch("/v1/kv/a", { method: "PUT", body: "v" });
      assert.equal(put.status, 201);
      await node.stop();
      await node.start({ "backup.restore_on_first_start": "/nowhere/at/all" });
      await cluster.ready();
    } finally {
      await cluster.remove();
    }
  });
});
