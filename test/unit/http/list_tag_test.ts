import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HttpProbe, type JsonObject } from "../../harness/http_probe.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

async function fill(keys: readonly string[]): Promise<void> {
  for (const key of keys) await probe.put(key, key);
}

function keysOf(list: JsonObject): readonly unknown[] {
  return Object(list["items"]).map((item: JsonObject | null) => item?.["key"] ?? null);
}

describe("the tag of a list", () => {
  it("is 304 while nothing in the range has changed, deletions included", async () => {
    await fill(["a/1", "a/2"]);
    const tag = (await probe.ask("GET /v1/kv?prefix=a/")).headers.get("ETag") ?? "";
    const conditional = { headers: { "If-None-Match": tag } };
    await probe.put("b", "elsewhere");
    const same = await probe.ask("GET /v1/kv?prefix=a/", conditional);
    assert.equal(same.status, 304);
    assert.equal(same.headers.get("ETag"), '"r4"');
    assert.equal(same.headers.get("KV-Revision"), "4");
    const counted = await probe.ask("GET /v1/kv?prefix=a/&count_only", conditional);
    assert.equal(counted.status, 304);
    await probe.ask("DELETE /v1/kv/a/1");
    const changed = await probe.ask("GET /v1/kv?prefix=a/", conditional);
    assert.equal(changed.status, 200);
  });

  it("If-Match is 412 once the range has changed", async () => {
    await fill(["a/1"]);
    const conditional = { headers: { "If-Match": '"r2"' } };
    assert.equal((await probe.ask("GET /v1/kv?prefix=a/", conditional)).status, 200);
    await probe.put("a/2", "");
    await probe.problem("GET /v1/kv?prefix=a/", "412 precondition_failed", conditional);
  });

  it("a later tag says nothing about a view of the past", async () => {
    await fill(["a", "a"]);
    assert.equal((await probe.ask('GET /v1/kv?revision=2&if_none_match="r3"')).status, 200);
    assert.equal((await probe.ask('GET /v1/kv?revision=2&if_none_match="r2"')).status, 304);
  });

  it("a tag from the future holds only where the node may be behind", async () => {
    await fill(["a"]);
    for (const line of ["GET /v1/kv?prefix=a", "GET /v1/kv?count_only", "GET /v1/kv?key=a"]) {
      const held = `${line}&if_none_match=r99999`;
      assert.equal((await probe.ask(held)).status, 200, line);
      assert.equal((await probe.ask(`${held}&consistency=eventual`)).status, 304, line);
    }
    await probe.problem("GET /v1/kv?if_match=r99999", "412 precondition_failed");
  });

  it("without the store's word on changes only the same revision matches", async () => {
    await fill(["a"]);
    const read = probe.kv.store.read.bind(probe.kv.store);
    probe.kv.store.read = (query) => {
      const answer = read(query);
      if (answer.kind !== "range") return answer;
      const { changed: _, ...rest } = answer;
      return rest;
    };
    assert.equal((await probe.ask("GET /v1/kv?if_none_match=r2")).status, 304);
    await probe.put("b", "");
    assert.equal((await probe.ask("GET /v1/kv?if_none_match=r2")).status, 200);
  });

  it("a record's tag is no list's", async () => {
    await probe.problem('GET /v1/kv?if_none_match="2"', "400 validation_failed");
  });
});

describe("GET /v1/kv?key=…", () => {
  it("reads in the order asked, null where absent, from one view", async () => {
    await fill(["a", "b"]);
    const answer = await probe.json("GET /v1/kv?key=b&key=none&key64=YQ&key=b", 200);
    assert.deepEqual(keysOf(answer), ["b", null, "a", "b"]);
    assert.equal(answer["count"], 3);
    assert.equal(answer["revision"], 3);
    assert.deepEqual(keysOf(await probe.json("GET /v1/kv?key64=YQ", 200)), ["a"]);
  });

  it("stays at one revision over many keys", async () => {
    await fill(["a"]);
    let reads = 0;
    probe.kv.before = async (asked) => {
      if (asked !== "read" || ++reads !== 2) return;
      probe.kv.before = () => {};
      await probe.put("a", "changed");
    };
    const keys = Array.from({ length: 40 }, () => "key=a").join("&");
    const answer = await probe.json(`GET /v1/kv?${keys}`, 200);
    const values = new Set(Object(answer["items"]).map((item: JsonObject) => item["value"]));
    assert.deepEqual([...values], ["a"]);
    assert.equal(answer["revision"], 2);
  });

  it("refuses empty keys, bad base64url, and more than 16 MiB of keys and values", async () => {
    await probe.problem("GET /v1/kv?key=", "400 validation_failed");
    await probe.problem("GET /v1/kv?key=a&key64=", "400 validation_failed");
    await probe.problem("GET /v1/kv?key64=*", "400 validation_failed");
    await probe.problem("GET /v1/kv?key=%", "400 validation_failed");
    await probe.put("big", new Uint8Array(8 * 1024 * 1024 - "big".length));
    const two = await probe.ask("GET /v1/kv?key=big&key=big");
    assert.equal(two.status, 200);
    await probe.put("one", "1");
    const three = "GET /v1/kv?key=big&key=big&key=one";
    await probe.problem(three, "400 range_too_large");
    const many = ["big", ...Array.from({ length: 20 }, () => "one"), "big"];
    const inSlices = `GET /v1/kv?${many.map((key) => `key=${key}`).join("&")}`;
    await probe.problem(inSlices, "400 range_too_large");
  });

  it("has the tag of a list: 304 while each key is there and none has changed", async () => {
    await fill(["a", "b"]);
    const tag = { headers: { "If-None-Match": '"r3"' } };
    await probe.put("c", "");
    assert.equal((await probe.ask("GET /v1/kv?key=a&key=b", tag)).status, 304);
    assert.equal((await probe.ask("GET /v1/kv?key=a&key=none", tag)).status, 200);
    await probe.put("b", "");
    assert.equal((await probe.ask("GET /v1/kv?key=a&key=b", tag)).status, 200);
  });
});
