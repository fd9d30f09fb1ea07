/** What the client can do besides keys and values, against REST over a store in memory. */

import { Client } from "../../../src/client/client.ts";
import { AnswerError } from "../../../src/client/errors.ts";
import { lossyText, utf8 } from "../../../src/lib/bytes.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { assert, beforeEach, describe, it } from "../../harness/test.ts";

let client: Client;

beforeEach(() => {
  const probe = new HttpProbe();
  client = new Client({
    endpoints: ["http://127.0.0.1:1"],
    timeoutMs: 60_000,
    fetch: async (url, init) => await probe.app.fetch(new Request(url, init), {}),
  });
});

const bytes = Uint8Array.of(0xff, 0xfe);

describe("the client of the whole store", () => {
  it("changes values where they are", async () => {
    assert.equal((await client.add("n", 2n ** 62n)).value, 2n ** 62n);
    assert.equal((await client.min("n", 7)).value, 7n);
    assert.deepEqual(await client.max("n", -7), { revision: 4, create: 2, version: 3, value: 7n });
    await client.append("bytes", bytes);
    await client.append("bytes", "x", { prev: true });
    assert.deepEqual((await client.get("bytes"))?.value, Uint8Array.of(0xff, 0xfe, 0x78));
    await client.patch("j", { a: 1, b: null });
    await client.patch("j", '{"c": 12345678901234567890}', { ifMatch: "*" });
    assert.equal(lossyText((await client.get("j"))!.value), '{"a":1,"c":12345678901234567890}');
  });

  it("carries a transaction of any bytes, and its results", async () => {
    await client.put(bytes, "before");
    const result = await client.txn({
      if: [
        { key: bytes, target: "value", op: "=", value: "before" },
        { prefix: "none/", target: "version", op: "=", value: 0 },
        { key: bytes, target: "lease", op: "=", value: "0" },
      ],
      then: [
        { put: { key: bytes, value: bytes, prev: true, ttlMs: 30_000, contentType: "a/b" } },
        { get: { key: bytes } },
        { get: { key: "absent" } },
        { range: { start: bytes, limit: 1, keysOnly: true } },
        { txn: { if: [{ key: "x", target: "mod", op: ">", value: 0 }], else: [] } },
        { delete: { prefix: "none/", prev: true } },
      ],
    });
    assert.deepEqual([result.succeeded, result.revision, result.resultsOmitted], [true, 3, false]);
    const [put, get, absent, range, nested, deletion] = result.results;
    assert.ok(put?.kind === "put" && get?.kind === "get" && range?.kind === "range");
    assert.deepEqual([put.version, put.prev?.value], [2, utf8("before")]);
    assert.deepEqual([get.record?.value, get.record?.contentType], [bytes, "a/b"]);
    assert.deepEqual(absent, { kind: "get" });
    assert.deepEqual([range.items.map(({ key }) => key), range.more], [[bytes], false]);
    assert.ok(nested?.kind === "txn" && !nested.result.succeeded);
    assert.deepEqual(deletion, { kind: "delete", deleted: 0, prev: [] });
  });

  it("tells what each item of a batch came to", async () => {
    const { items, revision } = await client.batch([
      { put: { key: "a", value: bytes, ifAbsent: true } },
      { put: { key: "a", value: "2", ifMatch: 77 } },
      { get: { key: "a" } },
      { get: { key: "absent" } },
      { delete: { key: "a", prev: true } },
    ]);
    assert.equal(revision, 3);
    const [put, failed, get, absent, deletion] = items;
    assert.deepEqual(put, { kind: "put", revision: 2, create: 2, version: 1 });
    assert.ok(failed?.kind === "failed" && failed.error instanceof AnswerError);
    assert.deepEqual([failed.error.code, failed.error.status], ["precondition_failed", 412]);
    assert.ok(get?.kind === "get");
    assert.deepEqual(get.record.value, bytes);
    assert.ok(absent?.kind === "failed" && absent.error.code === "key_not_found");
    assert.ok(deletion?.kind === "delete");
    assert.deepEqual([deletion.deleted, deletion.prev?.value], [1, bytes]);
  });

  it("lists all pages of one revision, folders and counts", async () => {
    for (const key of ["a/1", "a/2", "b", "c/d", "c/e"]) await client.put(key, "x");
    const keys: string[] = [];
    for await (const page of client.pages({ limit: 2 })) {
      keys.push(...page.items.map(({ key }) => lossyText(key)));
      assert.equal(page.revision, 6);
      await client.put("a/0", "later");
    }
    assert.deepEqual(keys, ["a/1", "a/2", "b", "c/d", "c/e"]);
    const folded = await client.list({ delimiter: "/" });
    assert.deepEqual(folded.prefixes.map(lossyText), ["a/", "c/"]);
    assert.equal((await client.count({ prefix: "a/" })).count, 3);
    const deleted = await client.deleteRange({ prefix: "a/" }, { limit: 2, prev: true });
    assert.deepEqual([deleted.deleted, deleted.more, deleted.prev.length], [2, true, 2]);
  });

  it("reads the past until it is given up", async () => {
    await client.put("a/../b", "1");
    await client.put("a/../b", "2");
    await client.delete("a/../b", { prev: true });
    const first = await client.history("a/../b", { limit: 2 });
    const second = await client.history("a/../b", { limit: 2, cursor: first.cursor! });
    const told = [...first.items, ...second.items].map((item) =>
      item.kind === "deleted" ? `${item.mod} deleted` : lossyText(item.record.value)
    );
    assert.deepEqual(told, ["4 deleted", "2", "1"]);
    assert.match(first.items[0]!.time, /^\d{4}-/);
    assert.equal(lossyText((await client.get("a/../b", { revision: 2 }))!.value), "1");
    assert.deepEqual(await client.compact(4), { revision: 4, oldest: 4 });
    await client.get("a/../b", { revision: 3 }).then(() => assert.fail("compacted"), (error) => {
      assert.equal(error.code, "revision_compacted");
    });
  });

  it("grants, keeps and revokes leases", async () => {
    const { id, ttlMs } = await client.grantLease({ ttlMs: 30_000 });
    assert.equal(ttlMs, 30_000);
    await client.put("s", "1", { lease: id });
    await client.put("t", "1", { ttlMs: 1_500 });
    assert.deepEqual(await client.keepLeaseAlive(id), { id, ttlMs: 30_000, revision: 3 });
    const info = await client.leaseInfo(id, { keys: true });
    assert.deepEqual([info?.keyCount, info?.isPrivate, info?.more], [1, false, false]);
    assert.deepEqual(info?.keys, [utf8("s")]);
    const page = await client.listLeases({ limit: 1 });
    assert.equal(page.items.length, 1);
    const rest = await client.listLeases({ limit: 1, cursor: page.cursor! });
    assert.deepEqual(
      [...page.items, ...rest.items].map((lease) => lease.ttlMs).toSorted((a, b) => a - b),
      [1_500, 30_000],
    );
    await client.revokeLease(id);
    assert.equal(await client.get("s"), undefined);
    assert.equal(await client.leaseInfo(id), undefined);
  });
});
