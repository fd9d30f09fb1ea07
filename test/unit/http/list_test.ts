import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HttpProbe, type JsonObject } from "../../harness/http_probe.ts";
import { compareBytes, utf8 } from "../../../src/lib/bytes.ts";
import { Prng } from "../../../src/lib/prng.ts";

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

/** All pages, by cursor; at most 1,000 of them. */
async function pages(query: string): Promise<readonly JsonObject[]> {
  const found: JsonObject[] = [];
  let cursor = "";
  for (let i = 0; i < 1000; i++) {
    const page = await probe.json(`GET /v1/kv?${query}${cursor}`, 200);
    found.push(page);
    if (page["cursor"] === undefined) return found;
    cursor = `&cursor=${page["cursor"]}`;
  }
  throw new Error("The list does not end");
}

describe("GET /v1/kv", () => {
  it("lists a prefix in key order, with count, revision and tag", async () => {
    await fill(["b/2", "a", "b/1", "c"]);
    const answer = await probe.ask("GET /v1/kv?prefix=b/");
    assert.deepEqual(JSON.parse(answer.text), {
      items: [
        {
          key: "b/1",
          value: "b/1",
          create: 4,
          mod: 4,
          version: 1,
          content_type: "application/octet-stream",
        },
        {
          key: "b/2",
          value: "b/2",
          create: 2,
          mod: 2,
          version: 1,
          content_type: "application/octet-stream",
        },
      ],
      count: 2,
      revision: 5,
    });
    assert.equal(answer.headers.get("ETag"), '"r5"');
    assert.equal(answer.headers.get("KV-Revision"), "5");
    assert.equal(answer.headers.get("KV-Consistency"), "linearizable");
    assert.equal(answer.headers.has("Link"), false);
  });

  it("lists everything, a range, an open range, and nothing", async () => {
    await fill(["a", "b", "c", "d"]);
    assert.deepEqual(keysOf(await probe.json("GET /v1/kv", 200)), ["a", "b", "c", "d"]);
    assert.deepEqual(keysOf(await probe.json("GET /v1/kv?prefix=", 200)), ["a", "b", "c", "d"]);
    assert.deepEqual(keysOf(await probe.json("GET /v1/kv?start=b&end=d", 200)), ["b", "c"]);
    assert.deepEqual(keysOf(await probe.json("GET /v1/kv?start=c", 200)), ["c", "d"]);
    assert.deepEqual(keysOf(await probe.json("GET /v1/kv?end=b", 200)), ["a"]);
    assert.deepEqual(keysOf(await probe.json("GET /v1/kv?start=b&end=b", 200)), []);
    assert.deepEqual(keysOf(await probe.json("GET /v1/kv?prefix=x", 200)), []);
  });

  it("takes bytes in prefix, start, end and delimiter; a plus is a space there", async () => {
    await fill(["%FFa", "%FFb", "x%20y", "x%2By"]);
    const list = await probe.json("GET /v1/kv?prefix=%FF", 200);
    assert.deepEqual(Object(list["items"]).map((item: JsonObject) => item["key64"]), [
      "_2E",
      "_2I",
    ]);
    assert.deepEqual(keysOf(await probe.json("GET /v1/kv?prefix=x+", 200)), ["x y"]);
    assert.deepEqual(keysOf(await probe.json("GET /v1/kv?prefix=x%2B", 200)), ["x+y"]);
    const folded = await probe.json("GET /v1/kv?delimiter=%FF", 200);
    assert.deepEqual(folded["prefixes64"], ["_w"]);
    assert.deepEqual(folded["prefixes"], []);
  });

  it("reverses, leaves out values, and folds at a delimiter", async () => {
    await fill(["d/a/1", "d/a/2", "d/b", "d/c/1", "e"]);
    const reverse = await probe.json("GET /v1/kv?prefix=d/&reverse&limit=2", 200);
    assert.deepEqual(keysOf(reverse), ["d/c/1", "d/b"]);
    const keysOnly = await probe.json("GET /v1/kv?prefix=d/b&keys_only=true", 200);
    assert.deepEqual(keysOnly["items"], [{
      key: "d/b",
      create: 4,
      mod: 4,
      version: 1,
      content_type: "application/octet-stream",
    }]);
    const folded = await probe.json("GET /v1/kv?prefix=d/&delimiter=/", 200);
    assert.deepEqual(keysOf(folded), ["d/b"]);
    assert.deepEqual(folded["prefixes"], ["d/a/", "d/c/"]);
    assert.equal(folded["count"], 3);
    assert.equal("prefixes" in (await probe.json("GET /v1/kv?prefix=d/", 200)), false);
  });

  it("counts a range in slices, at one revision, without its records", async () => {
    const value = utf8("x");
    for (let i = 0; i < 25_000; i++) {
      probe.kv.store.apply({
        kind: "put",
        key: utf8(`n/${i}`),
        value,
        conditions: {},
        prev: false,
      });
    }
    let yields = 0;
    const clock = {
      ...probe.services.clock,
      yield() {
        yields += 1;
        // A write between two slices must not change the count.
        probe.kv.store.apply({
          kind: "put",
          key: utf8(`n/zz${yields}`),
          value,
          conditions: {},
          prev: false,
        });
        return Promise.resolve();
      },
    };
    const slicing = new HttpProbe({ kv: probe.kv, clock });
    const counted = await slicing.json("GET /v1/kv?prefix=n/&count_only=true", 200);
    assert.deepEqual(counted, { items: [], count: 25_000, revision: 25_001 });
    assert.equal(yields, 2);
  });

  it("a count that takes too long is 504", async () => {
    for (let i = 0; i < 10_001; i++) {
      const put = { kind: "put", value: utf8(""), conditions: {}, prev: false } as const;
      probe.kv.store.apply({ ...put, key: utf8(`n/${i}`) });
    }
    let nowMs = 0;
    const clock = {
      ...probe.services.clock,
      monotonicMs: () => nowMs,
      yield() {
        nowMs += 6000;
        return Promise.resolve();
      },
    };
    const slow = new HttpProbe({ kv: probe.kv, clock });
    const late = await slow.problem("GET /v1/kv?count_only=true", "504 timeout");
    assert.equal(late.retryable, true);
  });

  it("reads the past, and refuses what is compacted", async () => {
    await fill(["a", "b"]);
    assert.deepEqual(keysOf(await probe.json("GET /v1/kv?revision=2", 200)), ["a"]);
    probe.kv.store.compact(3);
    const gone = await probe.problem("GET /v1/kv?revision=2", "410 revision_compacted");
    assert.equal(gone.body["oldest"], 3);
  });

  it("refuses options that contradict each other", async () => {
    for (
      const query of [
        "prefix=a&start=b",
        "prefix=a&end=b",
        "start=b&end=a",
        "delimiter=",
        "count_only&limit=5",
        "count_only&delimiter=/",
        "key=a&prefix=b",
        "key=a&limit=5",
        "key=a&reverse=true",
        "key=a&keys_only",
        "key=a&count_only",
      ]
    ) {
      await probe.problem(`GET /v1/kv?${query}`, "400 validation_failed");
    }
    const { body } = await probe.problem("GET /v1/kv?start=b&end=a", "400 validation_failed");
    assert.equal(body["detail"], 'start is "b", which is above end, "a"');
  });

  it("has limits for limit, keys and bytes", async () => {
    for (const bad of ["0", "10001", "-1", "1.5", "x", "", "1e3"]) {
      await probe.problem(`GET /v1/kv?limit=${bad}`, "400 validation_failed");
    }
    await probe.ask("GET /v1/kv");
    const query = probe.kv.lastRead?.query;
    assert.ok(query?.kind === "range");
    assert.equal(query.limit, 1000);
    await probe.problem(`GET /v1/kv?prefix=${"x".repeat(8193)}`, "400 validation_failed");
    const keys = Array.from({ length: 1001 }, (_, i) => `key=${i}`).join("&");
    await probe.problem(`GET /v1/kv?${keys}`, "400 validation_failed");
  });

  it("is written as the client takes it: a page, unless it takes nothing but lines", async () => {
    const typeOf = async (line: string, Accept: string): Promise<string | null> => {
      const answer = await probe.ask(line, { headers: { Accept } });
      assert.equal(answer.headers.get("Vary"), "Accept");
      return answer.headers.get("Content-Type");
    };
    const [page, lines] = ["application/json", "application/x-ndjson"];
    assert.equal(await typeOf("GET /v1/kv", "text/html, */*"), page);
    for (const both of [`${page}, ${lines}`, `${lines}, ${page};q=0.5`]) {
      assert.equal(await typeOf("GET /v1/kv", both), page);
    }
    assert.equal(await typeOf("GET /v1/kv", `${lines}, ${page};q=0`), lines);
    assert.equal(await typeOf("GET /v1/kv", `${lines}, */*`), lines);
    assert.equal(await typeOf("GET /v1/kv?format=json", "*/*"), page);
    assert.equal(await typeOf("GET /v1/kv?format=ndjson", page), lines);
    const only = { headers: { Accept: lines } };
    await probe.problem("GET /v1/kv?format=json", "400 validation_failed", only);
    await probe.problem("GET /v1/kv?format=yaml", "400 validation_failed");
  });
});

describe("cursor", () => {
  it("leads through all keys, either way, at the revision of the first page", async () => {
    const keys = Array.from({ length: 23 }, (_, i) => `p/${String(i).padStart(2, "0")}`);
    await fill(keys);
    for (const [order, expected] of [["", keys], ["&reverse=true", keys.toReversed()]] as const) {
      const first = await probe.json(`GET /v1/kv?prefix=p/&limit=5${order}`, 200);
      await probe.put("p/005", "new");
      await probe.put("p/22x", "new");
      const seen = [...keysOf(first)];
      let cursor = first["cursor"];
      while (cursor !== undefined) {
        const page = await probe.json(`GET /v1/kv?prefix=p/&limit=5${order}&cursor=${cursor}`, 200);
        assert.equal(page["revision"], first["revision"]);
        seen.push(...keysOf(page));
        cursor = page["cursor"];
      }
      assert.deepEqual(seen, expected);
      await probe.json("DELETE /v1/kv?start=p/005&end=p/006", 200);
      await probe.json("DELETE /v1/kv/p/22x", 200);
    }
  });

  it("counts folders as items of a page and never shows one twice", async () => {
    const keys = ["a/1", "a/2", "b", "c/1", "c/2", "d", "e/1"];
    await fill(keys);
    for (const order of ["", "&reverse=true"]) {
      for (const limit of [1, 2, 3]) {
        const found = await pages(`delimiter=/&limit=${limit}${order}`);
        const items = found.flatMap(keysOf);
        const folders = found.flatMap((page) => page["prefixes"]);
        const expected = order === "" ? ["b", "d"] : ["d", "b"];
        const expectedFolders = order === "" ? ["a/", "c/", "e/"] : ["e/", "c/", "a/"];
        assert.deepEqual(items, expected);
        assert.deepEqual(folders, expectedFolders);
      }
    }
  });

  it("the Link header is the next page's address, with all other options", async () => {
    await fill(["p/1", "p/2", "p/3"]);
    const first = await probe.ask("GET /v1/kv?prefix=p%2F&limit=1&keys_only=true");
    const link = first.headers.get("Link") ?? "";
    const address = /^<([^>]+)>; rel="next"$/.exec(link)?.[1];
    assert.ok(address?.includes("prefix=p%2F&limit=1&keys_only=true&cursor="), link);
    const second = await probe.ask(`GET ${address}`);
    assert.deepEqual(keysOf(JSON.parse(second.text)), ["p/2"]);
    const third = /^<([^>]+)>/.exec(second.headers.get("Link") ?? "")?.[1];
    assert.deepEqual(keysOf(await probe.json(`GET ${third}`, 200)), ["p/3"]);
  });

  it("works at any node, with another limit, and with another read level", async () => {
    await fill(["p/1", "p/2", "p/3"]);
    const { cursor } = await probe.json("GET /v1/kv?prefix=p/&limit=1", 200);
    const other = new HttpProbe({ kv: probe.kv });
    const rest = await other.json(
      `GET /v1/kv?prefix=p/&limit=9&consistency=eventual&cursor=${cursor}`,
      200,
    );
    assert.deepEqual(keysOf(rest), ["p/2", "p/3"]);
  });

  it("is refused with another query or revision, damaged, or compacted", async () => {
    await fill(["p/1", "p/2", "p/3"]);
    const { cursor } = await probe.json("GET /v1/kv?prefix=p/&limit=1", 200);
    await probe.problem(`GET /v1/kv?prefix=p&cursor=${cursor}`, "400 invalid_cursor");
    await probe.problem(`GET /v1/kv?prefix=p/&reverse&cursor=${cursor}`, "400 invalid_cursor");
    await probe.problem(`GET /v1/kv?prefix=p/&cursor=${cursor}x`, "400 invalid_cursor");
    await probe.problem("GET /v1/kv?prefix=p/&cursor=", "400 invalid_cursor");
    const pinned = `GET /v1/kv?prefix=p/&revision=3&cursor=${cursor}`;
    await probe.problem(pinned, "400 validation_failed");
    await fill(["q"]);
    probe.kv.store.compact(probe.kv.store.revision);
    await probe.problem(`GET /v1/kv?prefix=p/&cursor=${cursor}`, "410 revision_compacted");
  });

  it("pages of random keys are the sorted keys, whatever the limit", async () => {
    const random = new Prng(11);
    const keys = Array.from({ length: 60 }, () => {
      return Uint8Array.from({ length: 1 + random.below(4) }, () => random.below(256));
    });
    for (const key of keys) {
      probe.kv.store.apply({ kind: "put", key, value: key, conditions: {}, prev: false });
    }
    const sorted = [...keys].sort(compareBytes).map((key) => key.join());
    const expected = [...new Set(sorted)];
    for (const limit of [1, 7, 1000]) {
      const found = await pages(`limit=${limit}&keys_only=true`);
      const seen = found.flatMap((page) => Object(page["items"])).map((item: JsonObject) => {
        const { key, key64 } = item;
        return typeof key === "string"
          ? utf8(key).join()
          : new Uint8Array(Buffer.from(String(key64), "base64url")).join();
      });
      assert.deepEqual(seen, expected);
    }
  });
});
