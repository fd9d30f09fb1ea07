/**
 * A data directory that an earlier version of the program has left, under each engine: every later
 * version opens it, and finds in it what was written. To make one of the present version: remove
 * the folder of the engine from testdata/data_directory and run this with SKEIN_REWRITE=1.
 */

import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  type Flags,
  makeServerCluster,
  type OnceInit,
  type ServedNode,
} from "../harness/server_cluster.ts";
import { assert, describe, it } from "../harness/test.ts";

const folder = fileURLToPath(new URL("./testdata/data_directory", import.meta.url));

/** What a start makes anew, and what belongs to one process or one machine. */
const notKept = new Set(["lock.db", "reserve", "snapshots", "skein.pid"]);

async function withNode(run: (node: ServedNode) => Promise<void>): Promise<void> {
  const cluster = await makeServerCluster(1);
  try {
    await run(cluster.node(1));
  } finally {
    await cluster.remove();
  }
}

async function text(node: ServedNode, path: string, init: OnceInit = {}): Promise<string> {
  const response = await node.fetch(path, init);
  const answer = await response.text();
  assert.ok(response.ok, `${init.method ?? "GET"} ${path}: ${response.status} ${answer}`);
  return answer;
}

/** Some of everything that a store can hold. */
async function fill(node: ServedNode): Promise<void> {
  const put = (key: string, body: string, query = "", headers = {}): Promise<string> =>
    text(node, `/v1/kv/${key}${query}`, { method: "PUT", body, headers });
  await put("a", "one");
  await put("a", "two", "", { "Content-Type": "text/plain" });
  await put("gone", "soon");
  await text(node, "/v1/kv/gone", { method: "DELETE" });
  const json = { "Content-Type": "application/json" };
  const lease = JSON.stringify({ id: "7", ttl: "8760h" });
  await text(node, "/v1/leases", { method: "POST", body: lease, headers: json });
  await put("leased", "held", "?lease=7");
  await put("once", "done", "", { "Idempotency-Key": "fixture" });
  await put("long", "a long value ".repeat(1_000));
}

/** What was written, as it must be found for ever. */
async function check(node: ServedNode): Promise<void> {
  assert.equal(await text(node, "/v1/kv/a"), "two");
  assert.equal(await text(node, "/v1/kv/a?revision=2"), "one");
  assert.equal((await node.fetch("/v1/kv/gone")).status, 404);
  assert.equal(await text(node, "/v1/kv/gone?revision=4"), "soon");
  assert.equal(await text(node, "/v1/kv/leased"), "held");
  assert.match(await text(node, "/v1/leases/7"), /"id":"7"/);
  assert.equal(await text(node, "/v1/kv/long"), "a long value ".repeat(1_000));
  const again = { method: "PUT", body: "done", headers: { "Idempotency-Key": "fixture" } };
  const replayed = await node.fetch("/v1/kv/once", again);
  assert.equal(replayed.headers.get("Idempotency-Replayed"), "true");
  assert.equal(await text(node, "/v1/kv/new", { method: "PUT", body: "now" }) !== "", true);
  assert.equal(await text(node, "/v1/kv/new"), "now");
}

for (const engine of ["sqlite", "file"]) {
  describe(`A data directory with engine ${engine}`, () => {
    const kept = join(folder, engine);
    const flags: Flags = { "storage.engine": engine, "storage.scrub_interval_ms": "1000" };

    it("of an earlier version is opened, and holds what was written", async () => {
      if (process.env["SKEIN_REWRITE"] === "1" && !existsSync(kept)) {
        await withNode(async (node) => {
          await node.start(flags);
          await fill(node);
          await node.stop();
          cpSync(node.dataDir, kept, { recursive: true });
          for (const name of readdirSync(kept)) {
            if (notKept.has(name)) rmSync(join(kept, name), { recursive: true });
          }
        });
      }
      await withNode(async (node) => {
        cpSync(kept, node.dataDir, { recursive: true });
        await node.start(flags);
        await check(node);
      });
    });
  });
}
