/**
 * Data directories that versions of the program have left, under each engine: every later version
 * opens them, and finds in them what was written. With SKEIN_REWRITE=1 those of the present version
 * are made where there are none.
 */

import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { version } from "../../src/lib/version.ts";
import {
  type Flags,
  makeServerCluster,
  type OnceInit,
  type ServedNode,
} from "../harness/server_cluster.ts";
import { assert, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

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

/** What is asked to be compacted is. */
const shortLog: Flags = { "snapshot.retained_entries_max": "2", "snapshot.cool_down_ms": "0" };

const json = { "Content-Type": "application/json" };

async function put(node: ServedNode, key: string, body: string, query = "", headers = {}) {
  return await text(node, `/v1/kv/${key}${query}`, { method: "PUT", body, headers });
}

async function post(node: ServedNode, path: string, body: unknown): Promise<string> {
  return await text(node, path, { method: "POST", body: JSON.stringify(body), headers: json });
}

/** A backup takes the place of everything, a later write that of some of it. */
async function restore(node: ServedNode): Promise<void> {
  await put(node, "restored", "of the backup");
  const body = await (await fetch(`${node.url}/v1/snapshot`)).bytes();
  await put(node, "lost", "behind the backup");
  const url = `${node.url}/v1/snapshot?replace=true`;
  assert.equal((await fetch(url, { method: "PUT", body })).status, 200);
}

/** The log of later commands begins behind an entry. */
async function compactLog(node: ServedNode): Promise<void> {
  await until(async () => {
    const reach = JSON.parse(await post(node, "/v1/snapshots", {}));
    return reach.log_begins_behind > 0;
  }, { what: "the log to begin later" });
}

/** Some of everything that a store can hold. */
async function fill(node: ServedNode, engine: string): Promise<void> {
  await restore(node);
  await put(node, "early", "one");
  const { revision } = JSON.parse(await put(node, "early", "two"));
  await post(node, "/v1/compactions", { revision });
  // With the other engine the log is the only copy of the store.
  if (engine === "sqlite") await compactLog(node);
  await put(node, "a", "one");
  await put(node, "a", "two", "", { "Content-Type": "text/plain" });
  await put(node, "gone", "soon");
  await text(node, "/v1/kv/gone", { method: "DELETE" });
  await post(node, "/v1/leases", { id: "7", ttl: "8760h" });
  await put(node, "leased", "held", "?lease=7");
  await post(node, "/v1/locks/kept", { ttl: "8760h", owner: "its holder" });
  await post(node, "/v1/elections/kept", { ttl: "8760h", value: "its leader" });
  await put(node, "once", "done", "", { "Idempotency-Key": "fixture" });
  await put(node, "stream", "done", "", { "Idempotency-Key": "fixture;1" });
  await post(node, "/v1/txn", {
    if: [{ key: "a", target: "value", op: "=", value: "two" }],
    then: [{ put: { key: "txn", value: "then" } }, { delete: { prefix: "none/" } }],
  });
  await put(node, "long", "a long value ".repeat(1_000));
}

/** What was written, as it must be found for ever. */
async function check(node: ServedNode): Promise<void> {
  const value = (key: string): Promise<string> => text(node, `/v1/kv/${key}`);
  const history = async (key: string): Promise<readonly unknown[]> => {
    const { items } = JSON.parse(await text(node, `/v1/history/${key}`));
    return items.map((item: { value?: string; deleted?: true }) => item.value ?? item.deleted);
  };
  assert.equal(await value("restored"), "of the backup");
  assert.equal((await node.fetch("/v1/kv/lost")).status, 404);
  assert.deepEqual(await history("early"), ["two"]);
  assert.deepEqual(await history("a"), ["two", "one"]);
  assert.equal(await value("a"), "two");
  assert.equal((await node.fetch("/v1/kv/gone")).status, 404);
  assert.deepEqual(await history("gone"), [true, "soon"]);
  assert.equal(await value("leased"), "held");
  assert.match(await text(node, "/v1/leases/7"), /"id":"7"/);
  assert.equal(JSON.parse(await text(node, "/v1/locks/kept")).owner, "its holder");
  const other = { method: "POST", body: '{"ttl":"1s"}', headers: json };
  assert.equal((await node.fetch("/v1/locks/kept", other)).status, 423);
  assert.equal(JSON.parse(await text(node, "/v1/elections/kept")).value, "its leader");
  assert.equal(await value("txn"), "then");
  assert.equal(await value("long"), "a long value ".repeat(1_000));
  for (const [key, name] of [["once", "fixture"], ["stream", "fixture;1"]] as const) {
    const again = { method: "PUT", body: "done", headers: { "Idempotency-Key": name } };
    const replayed = await node.fetch(`/v1/kv/${key}`, again);
    assert.equal(replayed.headers.get("Idempotency-Replayed"), "true", name);
  }
  await put(node, "new", "now");
  assert.equal(await value("new"), "now");
}

function checksOf(node: ServedNode): Promise<string> {
  return text(node, "/readyz?verbose=true");
}

async function make(engine: string): Promise<void> {
  const kept = join(folder, version, engine);
  await withNode(async (node) => {
    await node.start({ "storage.engine": engine, ...shortLog });
    await fill(node, engine);
    await node.stop();
    cpSync(node.dataDir, kept, { recursive: true });
    for (const name of readdirSync(kept)) {
      if (notKept.has(name)) rmSync(join(kept, name), { recursive: true });
    }
  });
}

const engines = ["sqlite", "file"];
if (process.env["SKEIN_REWRITE"] === "1") {
  for (const engine of engines) {
    if (!existsSync(join(folder, version, engine))) await make(engine);
  }
}

for (const madeBy of readdirSync(folder)) {
  for (const engine of engines) {
    describe(`A data directory of version ${madeBy} with engine ${engine}`, () => {
      it("is opened, and holds what was written", async () => {
        await withNode(async (node) => {
          cpSync(join(folder, madeBy, engine), node.dataDir, { recursive: true });
          await node.start({ "storage.engine": engine, "storage.scrub_interval_ms": "1000" });
          await check(node);
          await until(async () => /the last pass over the store ended/.test(await checksOf(node)), {
            what: "a pass of the scrub",
          });
        });
      });
    });
  }
}
