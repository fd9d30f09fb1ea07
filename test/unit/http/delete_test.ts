import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { utf8 } from "../../../src/lib/bytes.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

async function fill(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await probe.put(`k/${i}`, `${i}`);
}

describe("DELETE /v1/kv/{key}", () => {
  it("tells how many, at which revision; deleting nothing is no error", async () => {
    await probe.put("a", "1");
    const answer = await probe.ask("DELETE /v1/kv/a");
    assert.equal(answer.status, 200);
    assert.deepEqual(JSON.parse(answer.text), { deleted: 1, revision: 3 });
    assert.equal(answer.headers.get("KV-Revision"), "3");
    assert.deepEqual(await probe.json("DELETE /v1/kv/a", 200), { deleted: 0, revision: 3 });
    assert.equal((await probe.ask("GET /v1/kv/a")).status, 404);
  });

  it("adds the deleted record with prev, null where there was none", async () => {
    await probe.put("a", "1");
    const first = await probe.json("DELETE /v1/kv/a?prev=true", 200);
    assert.equal(Object(first["prev"]).value, "1");
    const second = await probe.json("DELETE /v1/kv/a?prev=true", 200);
    assert.deepEqual(second, { deleted: 0, revision: 3, prev: null });
  });

  it("tells the deleted record with prev however large it is", async () => {
    await probe.put("a", "x".repeat(2 * 1024 * 1024));
    const result = await probe.json("DELETE /v1/kv/a?prev=true", 200);
    assert.equal(String(Object(result["prev"]).value).length, 2 * 1024 * 1024);
  });

  it("with a body that does not come is 408, as declared, and deletes nothing", async () => {
    for (const line of ["DELETE /v1/kv/a?timeout=1ms", "DELETE /v1/kv?prefix=a&timeout=1ms"]) {
      const stalled = { headers: { "Transfer-Encoding": "chunked" }, body: new ReadableStream() };
      await probe.problem(line, "408 request_timeout", stalled);
    }
    assert.equal(probe.kv.writes, 0);
  });

  it("obeys conditions, also on an absent key", async () => {
    await probe.put("a", "1");
    await probe.problem("DELETE /v1/kv/a?if_match=1", "412 precondition_failed");
    await probe.problem("DELETE /v1/kv/none?if_match=*", "412 precondition_failed");
    const ok = await probe.json("DELETE /v1/kv/a", 200, { headers: { "If-Match": '"2"' } });
    assert.equal(ok["deleted"], 1);
  });

  it("takes no body: it would be a wish that nobody reads", async () => {
    await probe.put("a", "1");
    const init = { body: '{"prefix":"a"}', headers: { "Content-Length": "14" } };
    await probe.problem("DELETE /v1/kv/a", "400 bad_request", init);
    await probe.problem("DELETE /v1/kv?prefix=a", "400 bad_request", init);
    const empty = { headers: { "Content-Length": "0" } };
    assert.equal((await probe.ask("DELETE /v1/kv/a", empty)).status, 200);
    assert.equal(probe.kv.store.revision, 3);
  });
});

describe("DELETE /v1/kv", () => {
  it("deletes a prefix or a range in one revision", async () => {
    await fill(5);
    await probe.put("other", "x");
    assert.deepEqual(await probe.json("DELETE /v1/kv?prefix=k/", 200), { deleted: 5, revision: 8 });
    await fill(3);
    const range = await probe.json("DELETE /v1/kv?start=k/1&end=k/2", 200);
    assert.deepEqual(range, { deleted: 1, revision: 12 });
    assert.equal((await probe.json("GET /v1/kv?count_only=true", 200))["count"], 3);
  });

  it("refuses to delete everything unless told so", async () => {
    await fill(3);
    for (const query of ["", "?prefix=", "?start=", "?all=false", "?limit=5"]) {
      const refused = await probe.problem(`DELETE /v1/kv${query}`, "400 validation_failed");
      assert.match(refused.detail, /all=true/);
      assert.equal(refused.outcome, "not_applied");
    }
    await probe.problem("DELETE /v1/kv?all=true&prefix=k", "400 validation_failed");
    assert.equal(probe.kv.writes, 3);
    assert.deepEqual(await probe.json("DELETE /v1/kv?all=true", 200), { deleted: 3, revision: 5 });
  });

  it("with limit deletes the first keys and tells whether there are more", async () => {
    await fill(5);
    const first = await probe.json("DELETE /v1/kv?prefix=k/&limit=3", 200);
    assert.deepEqual(first, { deleted: 3, revision: 7, more: true });
    const second = await probe.json("DELETE /v1/kv?prefix=k/&limit=3", 200);
    assert.deepEqual(second, { deleted: 2, revision: 8, more: false });
  });

  it("with prev lists the deleted records", async () => {
    await fill(2);
    const result = await probe.json("DELETE /v1/kv?prefix=k/&prev=true", 200);
    assert.deepEqual(Object(result["prev"]).map((record: { key: string }) => record.key), [
      "k/0",
      "k/1",
    ]);
  });

  it("more keys than a revision holds are range_too_large", async () => {
    const value = new Uint8Array(0);
    for (let i = 0; i <= 10_000; i++) {
      probe.kv.store.apply({ kind: "put", key: utf8(`k${i}`), value, conditions: {}, prev: false });
    }
    const refused = await probe.problem("DELETE /v1/kv?prefix=k", "400 range_too_large");
    assert.match(
      refused.detail,
      /^One revision changes at most 10000 keys; with a limit the others /,
    );
    assert.equal(refused.outcome, "not_applied");
    const some = await probe.json("DELETE /v1/kv?prefix=k&limit=10000", 200);
    assert.deepEqual(some, { deleted: 10_000, revision: 10_003, more: true });
  });

  it("knows no conditions, and says so instead of ignoring them", async () => {
    await fill(1);
    for (const header of ["If-Match", "If-None-Match"]) {
      const init = { headers: { [header]: '"r2"' } };
      await probe.problem("DELETE /v1/kv?prefix=k", "400 validation_failed", init);
    }
    await probe.problem("DELETE /v1/kv?prefix=k&if_match=2", "400 validation_failed");
    await probe.problem("DELETE /v1/kv?prefix=k", "400 bad_request", {
      headers: { "If-Unmodified-Since": "Fri, 20 Nov 2026 12:00:00 GMT" },
    });
    assert.equal(probe.kv.store.revision, 2);
  });

  it("takes ranges, not keys", async () => {
    await probe.problem("DELETE /v1/kv?key=a", "400 validation_failed");
    await probe.problem("DELETE /v1/kv?prefix=a&start=b", "400 validation_failed");
    await probe.problem("DELETE /v1/kv?start=b&end=a", "400 validation_failed");
    const named = await probe.problem("DELETE /v1/kv?recurse=a", "400 validation_failed");
    assert.match(named.detail, /did you mean prefix\?/);
  });
});
