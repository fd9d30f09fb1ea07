/**
 * Logs and stores that lost something. A single node whose log or store is damaged ends with the
 * way out, which then works; a node of several heals, also where nothing on its own disk shows the
 * loss.
 */

import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildCommand, type NodeProcess, steadyLeader, withCluster } from "../harness/processes.ts";
import { requestOnce } from "../harness/http_once.ts";
import { runtimeName } from "../harness/runtime.ts";
import { assert, describe, it } from "../harness/test.ts";

describe(`a single node on ${runtimeName} with a damaged log`, () => {
  it("starts again once the loss is accepted, with everything that its store holds", async () => {
    await withCluster({ builds: [runtimeName] }, async (cluster) => {
      const node = cluster.node(1);
      await cluster.start();
      for (let at = 0; at < 20; at++) assert.equal(await put(node, `key-${at}`), 201);
      await node.stop();
      damage(join(node.dataDir, "raft.db"), "key-17");

      node.start();
      const { code } = await node.ended();
      assert.equal(code, 1);
      assert.match(node.logTail(3), /skein recover --accept-data-loss/);

      const [program = "", ...args] = buildCommand(runtimeName);
      const words = ["recover", "--accept-data-loss", "--config", node.configPath];
      const recovered = spawnSync(program, [...args, ...words], { encoding: "utf8" });
      assert.equal(recovered.status, 0, recovered.stderr);
      assert.match(recovered.stdout, /^Accepted that .* is missing or damaged\nThe node goes on/);

      await cluster.start();
      for (let at = 0; at < 20; at++) assert.equal(await get(node, `key-${at}`), "value");
      assert.equal(await put(node, "afterwards"), 201);
    });
  });
});

describe(`a single node on ${runtimeName} with a damaged store`, () => {
  it("starts again without it, and has everything from the log", async () => {
    await withCluster({ builds: [runtimeName] }, async (cluster) => {
      const node = cluster.node(1);
      await cluster.start();
      for (let at = 0; at < 20; at++) assert.equal(await put(node, `key-${at}`), 201);
      await node.stop();
      const path = join(node.dataDir, "kv.db");
      damage(path, "value");

      await cluster.start();
      const url = `${node.url}/v1/kv`;
      await requestOnce({ method: "GET", url, withinMs: 60_000 });
      const { code } = await node.ended();
      assert.equal(code, 1);
      assert.match(node.logTail(3), /change \d+ has a wrong checksum; .* remove \/.*\/kv\.db, and/);

      for (const file of [path, `${path}-wal`, `${path}-shm`]) rmSync(file, { force: true });
      await cluster.start();
      for (let at = 0; at < 20; at++) assert.equal(await get(node, `key-${at}`), "value");
    });
  });
});

describe(`one of three nodes on ${runtimeName}, of which raft.db is from an older day`, () => {
  it("ends when it is shown what it has lost, and heals when it is started again", async () => {
    const builds = [runtimeName, runtimeName, runtimeName];
    await withCluster({ builds, config: steadyLeader }, async (cluster) => {
      await cluster.start();
      const leader = await cluster.leader();
      const node = cluster.nodes.find((each) => each !== leader)!;
      const copy = join(cluster.folder, "copy");
      await node.kill();
      cpSync(node.dataDir, copy, { recursive: true });
      await cluster.start();
      for (let at = 0; at < 20; at++) assert.equal(await put(leader, `key-${at}`), 201);
      // It answers with what it holds and has acknowledged.
      assert.equal(await get(node, "key-19"), "value");
      await node.kill();
      forget(node.dataDir, copy);

      node.start();
      const { code } = await node.ended();
      assert.equal(code, 1);
      const claim = `node ${leader.id} counts entry \\d+ of term \\d+ as stored here`;
      assert.match(node.logTail(3), new RegExp(`has lost part of its log: ${claim}`));

      await cluster.start();
      for (let at = 0; at < 20; at++) assert.equal(await get(node, `key-${at}`), "value");
      assert.equal(await put(node, "afterwards"), 201);
    });
  });
});

/** Puts raft.db of the copy in its place, and deletes all that knows that there was more. */
function forget(dataDir: string, copy: string): void {
  for (const name of readdirSync(dataDir)) {
    if (/^(raft|kv)\./.test(name)) rmSync(join(dataDir, name));
  }
  for (const name of readdirSync(copy)) {
    if (name.startsWith("raft.db")) cpSync(join(copy, name), join(dataDir, name));
  }
}

/** Turns one bit where `text` stands last. */
function damage(path: string, text: string): void {
  const bytes = readFileSync(path);
  const at = bytes.lastIndexOf(text);
  assert.ok(at > 0, `${text} is not in ${path}`);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}

async function get(node: NodeProcess, key: string): Promise<string> {
  const url = `${node.url}/v1/kv/${key}`;
  const answer = await requestOnce({ method: "GET", url, withinMs: 60_000 });
  return answer.kind === "answered" ? answer.body : answer.kind;
}

async function put(node: NodeProcess, key: string): Promise<number> {
  const url = `${node.url}/v1/kv/${key}`;
  const answer = await requestOnce({ method: "PUT", url, body: "value", withinMs: 60_000 });
  return answer.kind === "answered" ? answer.status : 0;
}
