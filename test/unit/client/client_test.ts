/** The client against the real REST interface over a store in memory. */

import { Client } from "../../../src/client/client.ts";
import { AnswerError } from "../../../src/client/errors.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import type { HttpServer } from "../../../src/runtime/mod.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { currentRuntime } from "../../harness/runtime.ts";
import { after, assert, before, beforeEach, describe, it } from "../../harness/test.ts";

const runtime = await currentRuntime();

describe("the client", () => {
  let probe = new HttpProbe();
  let server: HttpServer;
  let client: Client;

  before(async () => {
    server = await runtime.serveHttp({
      hostname: "127.0.0.1",
      port: 0,
      requestBytesMax: 16 * 1024 * 1024,
      fetch: (request) => probe.app.fetch(request, {}),
      onError: (error) => new Response(String(error), { status: 500 }),
    });
    client = new Client({ endpoints: [`127.0.0.1:${server.port}`] });
  });
  after(() => server.close(0));
  beforeEach(() => {
    probe = new HttpProbe();
  });

  it("stores, reads and deletes", async () => {
    assert.deepEqual(await client.put("cfg/a", "1"), { revision: 2, create: 2, version: 1 });
    assert.deepEqual(await client.put("cfg/a", utf8("2"), { contentType: "text/plain" }), {
      revision: 3,
      create: 2,
      version: 2,
    });
    const record = await client.get("cfg/a");
    assert.deepEqual(record, {
      key: utf8("cfg/a"),
      value: utf8("2"),
      create: 2,
      mod: 3,
      version: 2,
      contentType: "text/plain",
    });
    assert.deepEqual(await client.delete("cfg/a"), { deleted: 1, revision: 4 });
    assert.deepEqual(await client.delete("cfg/a"), { deleted: 0, revision: 4 });
    assert.equal(await client.get("cfg/a"), undefined);
  });

  it("gives back any bytes under any key", async () => {
    const value = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    for (const key of [Uint8Array.of(0xff, 0, 0x2f), utf8("a/../b"), utf8("100%/ü")]) {
      await client.put(key, value);
      const record = await client.get(key);
      assert.deepEqual(record?.value, value);
      assert.deepEqual(record?.key, key);
    }
    await client.put("empty", "");
    assert.deepEqual((await client.get("empty"))?.value, new Uint8Array(0));
  });

  it("carries a value of 8 MiB", async () => {
    const value = new Uint8Array(8 * 1024 * 1024).fill(7);
    await client.put("large", value);
    assert.equal((await client.get("large"))?.value.length, value.length);
  });

  it("makes conditions of ifMatch and ifAbsent", async () => {
    await client.put("a", "1", { ifAbsent: true });
    await client.put("a", "2", { ifMatch: 2 });
    await client.put("a", "3", { ifMatch: "*" });
    const failing = [
      () => client.put("a", "4", { ifAbsent: true }),
      () => client.put("a", "4", { ifMatch: 2 }),
      () => client.delete("a", { ifMatch: 2 }),
      () => client.put("b", "4", { ifMatch: "*" }),
    ];
    for (const write of failing) {
      const error = await write().then(() => undefined, (caught: unknown) => caught);
      assert.ok(error instanceof AnswerError);
      assert.equal(error.code, "precondition_failed");
      assert.equal(error.outcome, "not_applied");
    }
  });

  it("lists page by page", async () => {
    for (const key of ["a/1", "a/2", "a/3", "b/1"]) await client.put(key, key);
    const first = await client.list({ prefix: "a/", limit: 2 });
    assert.deepEqual(first.items.map(({ key }) => key), [utf8("a/1"), utf8("a/2")]);
    assert.ok(first.cursor !== undefined);
    const second = await client.list({ prefix: "a/", limit: 2, cursor: first.cursor });
    assert.deepEqual(second.items.map(({ value }) => value), [utf8("a/3")]);
    assert.equal(second.cursor, undefined);
    const range = await client.list({ start: "a/2", end: "b", reverse: true, keysOnly: true });
    assert.deepEqual(range.items.map(({ key }) => key), [utf8("a/3"), utf8("a/2")]);
    assert.deepEqual(range.items[0]?.value, new Uint8Array(0));
  });

  it("reads at the level asked for", async () => {
    await client.put("a", "1");
    assert.equal((await client.get("a", { consistency: "eventual", minRevision: 2 }))?.mod, 2);
  });
});
