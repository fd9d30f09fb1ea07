import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HttpProbe, jsonInit, type JsonObject } from "../../harness/http_probe.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

const time = "2023-11-14T22:13:20.000Z";

function modsOf(page: JsonObject): readonly number[] {
  return Object(page["items"]).map(({ mod }: { readonly mod: number }) => mod);
}

describe("GET /v1/history/{key}", () => {
  it("tells versions and deletions, the newest first, with their time", async () => {
    await probe.put("a", "1", { "Content-Type": "text/x" });
    await probe.put("b", "1");
    await probe.put("a", "2");
    await probe.json("DELETE /v1/kv/a", 200);
    await probe.put("a", Uint8Array.of(0xff));
    const answer = await probe.ask("GET /v1/history/a");
    const plain = "application/octet-stream";
    assert.deepEqual(JSON.parse(answer.text), {
      items: [
        { key: "a", value64: "_w", create: 6, mod: 6, version: 1, content_type: plain, time },
        { key: "a", mod: 5, deleted: true, time },
        { key: "a", value: "2", create: 2, mod: 4, version: 2, content_type: plain, time },
        { key: "a", value: "1", create: 2, mod: 2, version: 1, content_type: "text/x", time },
      ],
      revision: 6,
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("KV-Revision"), "6");
    assert.equal(answer.headers.get("KV-Consistency"), "linearizable");
    assert.equal(answer.headers.has("ETag"), false);
    assert.equal(answer.headers.has("Link"), false);
  });

  it("is empty for a key that never was", async () => {
    assert.deepEqual(await probe.json("GET /v1/history/none", 200), { items: [], revision: 1 });
  });

  it("has a twin for keys that a URL cannot carry", async () => {
    await probe.json("PUT /v1/kv64/_y8uLg", 201, { body: "1" });
    const history = await probe.json("GET /v1/history64/_y8uLg", 200);
    assert.equal(Object(history["items"])[0].key64, "_y8uLg");
    await probe.problem("GET /v1/history64/!", "400 bad_request");
    await probe.problem("GET /v1/history64/", "400 bad_request");
    await probe.problem("GET /v1/history/", "400 bad_request");
    await probe.problem("GET /v1/history/%", "400 bad_request");
    await probe.problem(`GET /v1/history/${"k".repeat(8193)}`, "414 key_too_long");
    await probe.put("a/b", "1");
    assert.deepEqual(modsOf(await probe.json("GET /v1/history/a%2Fb", 200)), [3]);
  });

  it("goes page by page through one view, whatever is written meanwhile", async () => {
    for (let i = 0; i < 7; i++) await probe.put("a", `${i}`);
    const first = await probe.json("GET /v1/history/a?limit=3", 200);
    await probe.put("a", "new");
    const seen = [...modsOf(first)];
    let cursor = first["cursor"];
    while (cursor !== undefined) {
      const page = await probe.json(`GET /v1/history/a?limit=3&cursor=${cursor}`, 200);
      assert.equal(page["revision"], 8);
      seen.push(...modsOf(page));
      cursor = page["cursor"];
    }
    assert.deepEqual(seen, [8, 7, 6, 5, 4, 3, 2]);
    const link = (await probe.ask("GET /v1/history/a?limit=3")).headers.get("Link");
    assert.match(link ?? "", /^<\/v1\/history\/a\?limit=3&cursor=[A-Za-z0-9_-]+>; rel="next"$/);
  });

  it("looks back from a revision", async () => {
    for (let i = 0; i < 4; i++) await probe.put("a", `${i}`);
    const past = await probe.json("GET /v1/history/a?revision=3", 200);
    assert.deepEqual(modsOf(past), [3, 2]);
    assert.equal(past["revision"], 3);
    const late = await probe.problem("GET /v1/history/a?revision=9&timeout=5ms", "504 timeout");
    assert.equal(late.retryable, true);
  });

  it("is 410 before the oldest revision, and shows what that one shows", async () => {
    for (let i = 0; i < 4; i++) await probe.put("a", `${i}`);
    const { cursor } = await probe.json("GET /v1/history/a?limit=1&revision=3", 200);
    await probe.json("POST /v1/compactions", 200, jsonInit({ revision: 4 }));
    const gone = await probe.problem("GET /v1/history/a?revision=3", "410 revision_compacted");
    assert.equal(gone.body["oldest"], 4);
    await probe.problem(`GET /v1/history/a?cursor=${cursor}`, "410 revision_compacted");
    assert.deepEqual(modsOf(await probe.json("GET /v1/history/a", 200)), [5, 4]);
  });

  it("refuses cursors of other keys and queries, and contradicting revisions", async () => {
    for (let i = 0; i < 3; i++) await probe.put("a", `${i}`);
    await probe.put("b", "1");
    const { cursor } = await probe.json("GET /v1/history/a?limit=1", 200);
    const listed = (await probe.json("GET /v1/kv?limit=1", 200))["cursor"];
    for (const bad of [`${cursor}x`, "", listed]) {
      await probe.problem(`GET /v1/history/a?cursor=${bad}`, "400 invalid_cursor");
    }
    await probe.problem(`GET /v1/history/b?cursor=${cursor}`, "400 invalid_cursor");
    const both = `GET /v1/history/a?revision=3&cursor=${cursor}`;
    const { detail } = await probe.problem(both, "400 validation_failed");
    assert.equal(detail, "revision is 3, the cursor's is 5");
    await probe.json(`GET /v1/history64/YQ?revision=5&cursor=${cursor}`, 200);
  });

  it("ends a page after 16 MiB of JSON, and leads on", async () => {
    const value = new Uint8Array(3 * 1024 * 1024).fill(0x61);
    for (let i = 0; i < 12; i++) await probe.put("a", value);
    const first = await probe.json("GET /v1/history/a", 200);
    assert.deepEqual(modsOf(first), [13, 12, 11, 10, 9, 8]);
    const second = await probe.json(`GET /v1/history/a?cursor=${first["cursor"]}`, 200);
    assert.deepEqual(modsOf(second), [7, 6, 5, 4, 3, 2]);
    assert.equal("cursor" in second, false);
  });

  it("reads further slices from the node's own state, under the headers of the first", async () => {
    const value = new Uint8Array(700 * 1024);
    for (let i = 0; i < 5; i++) await probe.put("a", value);
    const answer = await probe.ask("GET /v1/history/a?limit=4");
    assert.equal(JSON.parse(answer.text).items.length, 4);
    assert.equal(answer.headers.get("KV-Consistency"), "linearizable");
    assert.equal(probe.kv.reads, 2);
    assert.equal(probe.kv.lastRead?.options.level, "eventual");
  });

  it("takes the read levels, and limits from 1 to 10000", async () => {
    await probe.put("a", "1");
    const line = "GET /v1/history/a?consistency=eventual&min_revision=2&max_staleness=1s";
    assert.equal((await probe.ask(line)).headers.get("KV-Staleness-Ms"), "7");
    const stale = "GET /v1/history/a?consistency=eventual&max_staleness=1ms";
    await probe.problem(stale, "503 too_stale");
    for (const bad of ["0", "10001", "x"]) {
      await probe.problem(`GET /v1/history/a?limit=${bad}`, "400 validation_failed");
    }
    await probe.ask("GET /v1/history/a");
    const query = probe.kv.lastRead?.query;
    assert.ok(query?.kind === "history");
    assert.equal(query.limit, 1000);
    await probe.problem("GET /v1/history/a", "400 validation_failed", {
      headers: { "If-None-Match": '"2"' },
    });
  });
});

describe("POST /v1/compactions", () => {
  it("gives up what was before a revision, and never takes that back", async () => {
    for (let i = 0; i < 4; i++) await probe.put("a", `${i}`);
    const answer = await probe.ask("POST /v1/compactions", jsonInit({ revision: 4 }));
    assert.equal(answer.status, 200);
    assert.deepEqual(JSON.parse(answer.text), { revision: 5, oldest: 4 });
    assert.equal(answer.headers.get("KV-Revision"), "5");
    await probe.problem("GET /v1/kv/a?revision=3", "410 revision_compacted");
    assert.equal((await probe.ask("GET /v1/kv/a?revision=4")).text, "2");
    const lower = await probe.json("POST /v1/compactions", 200, jsonInit({ revision: 2 }));
    assert.deepEqual(lower, { revision: 5, oldest: 4 });
    const all = await probe.json("POST /v1/compactions", 200, jsonInit({ revision: 5 }));
    assert.deepEqual(all, { revision: 5, oldest: 5 });
  });

  it("refuses a revision of the future", async () => {
    await probe.put("a", "1");
    const init = jsonInit({ revision: 3 });
    const refused = await probe.problem("POST /v1/compactions", "400 bad_request", init);
    assert.equal(refused.detail, "Revision is 3, the store is at 2");
    assert.equal(refused.outcome, "not_applied");
  });

  it("refuses what is no revision", async () => {
    const allowed = "allowed is an integer from 1 to 9007199254740991";
    for (const revision of [0, -1, 1.5, "3", null, 2 ** 53]) {
      const init = jsonInit({ revision });
      const refused = await probe.problem("POST /v1/compactions", "400 validation_failed", init);
      assert.equal(refused.detail, `revision is ${JSON.stringify(revision)}, ${allowed}`);
    }
    const missing = await probe.problem(
      "POST /v1/compactions",
      "400 validation_failed",
      jsonInit({}),
    );
    assert.equal(missing.detail, `revision is missing, ${allowed}`);
    await probe.problem("POST /v1/compactions", "400 bad_request");
    await probe.problem("POST /v1/compactions", "415 unsupported_media_type", { body: "{}" });
    assert.equal(probe.kv.writes, 0);
  });
});
