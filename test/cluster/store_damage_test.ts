/** What a node does that finds its own store damaged, and what the others do meanwhile. */

import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { makeServerCluster, type ServerCluster } from "../harness/server_cluster.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

let cluster: ServerCluster;

before(async () => {
  cluster = await makeServerCluster();
  await cluster.start();
});

after(() => cluster.remove());

/** Turns a bit of the first byte of `text`, wherever it stands in the file. */
function damage(path: string, text: string): number {
  const bytes = readFileSync(path);
  const file = openSync(path, "r+");
  let places = 0;
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
    writeSync(file, Uint8Array.of(bytes[at]! ^ 1), 0, 1, at);
    places++;
  }
  closeSync(file);
  return places;
}

describe("A node whose kv.db is damaged", () => {
  it("tells of each pass that finds nothing, and stops with the one that finds it", async () => {
    const leader = await cluster.leader();
    const written = await leader.fetch("/v1/kv/a", { method: "PUT", body: "a value of its own" });
    assert.equal(written.status, 201);
    const [victim] = cluster.others(leader);
    assert.ok(victim !== undefined);
    const local = async (): Promise<string> =>
      await (await victim.fetch("/v1/kv/a?consistency=eventual")).text();
    await until(async () => await local() === "a value of its own", { what: "the value" });
    // With the end of the process all of it moves from the WAL into the file.
    await victim.stop();
    await victim.start({ "storage.scrub_interval_ms": "1000" });
    await until(async () => (await victim.readiness()).text.includes("[+] scrub: the last pass"), {
      what: "a pass over the store",
    });
    assert.ok(damage(join(victim.dataDir, "kv.db"), "a value of its own") > 0);
    // It is in memory still.
    assert.equal(await local(), "a value of its own");
    assert.deepEqual(await victim.server.stopped, { code: 1 });
    const last = victim.lines.at(-1) ?? "";
    assert.ok(last.includes(`${join(victim.dataDir, "kv.db")} is damaged: change `), last);
    assert.ok(last.includes(" has a wrong checksum; while the node is stopped, remove "), last);
    assert.equal((await leader.fetch("/v1/kv/b", { method: "PUT", body: "2" })).status, 201);
  });
});
