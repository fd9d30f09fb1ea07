import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HttpProbe, jsonInit, type JsonObject, type Problem } from "../../harness/http_probe.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

function run(txn: unknown, line = "POST /v1/txn"): Promise<JsonObject> {
  return probe.json(line, 200, jsonInit(txn));
}

async function refuse(txn: unknown, wanted: `${number} ${string}`): Promise<Problem> {
  const refused = await probe.problem("POST /v1/txn", wanted, jsonInit(txn));
  assert.equal(refused.outcome, "not_applied");
  return refused;
}

const plain = "application/octet-stream";

describe("POST /v1/txn", () => {
  it("does then where the compares hold, else where not, whole, in one revision", async () => {
    await probe.put("t/a", "10");
    const txn = {
      if: [{ key: "t/a", target: "value", op: "=", value: "10" }],
      then: [{ put: { key: "t/a", value: "5" } }, { get: { key: "t/b" } }],
      else: [{ delete: { prefix: "t/" } }, { txn: { then: [{ get: { key: "t/a" } }] } }],
    };
    const first = await probe.ask("POST /v1/txn", jsonInit(txn));
    assert.equal(first.status, 200);
    assert.deepEqual(JSON.parse(first.text), {
      succeeded: true,
      revision: 3,
      results: [{ put: { revision: 3, create: 2, version: 2 } }, { get: null }],
    });
    assert.equal(first.headers.get("KV-Revision"), "3");
    assert.equal(first.headers.get("ETag"), '"3"');
    const second = await probe.ask("POST /v1/txn", jsonInit(txn));
    assert.deepEqual(JSON.parse(second.text), {
      succeeded: false,
      revision: 4,
      results: [
        { delete: { deleted: 1 } },
        { txn: { succeeded: true, revision: 4, results: [{ get: null }] } },
      ],
    });
    assert.equal(second.headers.has("ETag"), false);
  });

  it("sees what was done before it, and answers in the order of the operations", async () => {
    await probe.put("k/1", "a");
    const { results } = await run({
      then: [
        { get: { key: "k/1" } },
        { put: { key: "k/2", value64: "_w", content_type: "text/x", prev: true } },
        { get: { key: "k/2" } },
        { range: { prefix: "k/", keys_only: true } },
        { delete: { key: "k/1", prev: true } },
        { range: { start: "k/", end: "k0", reverse: true, limit: 1 } },
        { delete: { key: "none", prev: true } },
      ],
    });
    const one = { key: "k/1", create: 2, mod: 2, version: 1, content_type: plain };
    const two = { key: "k/2", create: 3, mod: 3, version: 1, content_type: "text/x" };
    assert.deepEqual(results, [
      { get: { ...one, value: "a" } },
      { put: { revision: 3, create: 3, version: 1, prev: null } },
      { get: { ...two, value64: "_w" } },
      { range: { items: [one, two], count: 2, more: false } },
      { delete: { deleted: 1, prev: [{ ...one, value: "a" }] } },
      { range: { items: [{ ...two, value64: "_w" }], count: 1, more: false } },
      { delete: { deleted: 0, prev: [] } },
    ]);
  });

  it("compares value, version, create, mod and lease, of keys and of ranges", async () => {
    await probe.json("POST /v1/leases", 201, jsonInit({ ttl: "30s", id: "9223372036854775807" }));
    await probe.json("PUT /v1/kv/a?lease=9223372036854775807", 201, { body: "m" });
    await probe.put("a", "m");
    await probe.json("PUT /v1/kv/b?lease=9223372036854775807", 201, { body: "m" });
    const holds = async (compare: JsonObject): Promise<unknown> =>
      (await run({ if: [compare] }))["succeeded"];
    const cases: readonly (readonly [JsonObject, boolean])[] = [
      [{ key: "a", target: "value", op: "=", value: "m" }, true],
      [{ key: "a", target: "value", op: "=", value64: "bQ" }, true],
      [{ key64: "YQ", target: "value", op: "!=", value: "m" }, false],
      [{ key: "a", target: "value", op: "<", value: "n" }, true],
      [{ key: "a", target: "value", op: ">", value: "" }, true],
      [{ key: "a", target: "version", op: "=", value: 2 }, true],
      [{ key: "a", target: "create", op: "=", value: 2 }, true],
      [{ key: "a", target: "mod", op: ">", value: 2 }, true],
      [{ key: "a", target: "mod", op: ">", value: 9007199254740991 }, false],
      [{ key: "a", target: "lease", op: "=", value: "0" }, true],
      [{ key: "b", target: "lease", op: "=", value: "9223372036854775807" }, true],
      [{ key: "b", target: "lease", op: ">", value: "-1" }, true],
      [{ key: "none", target: "mod", op: "=", value: 0 }, true],
      [{ key: "none", target: "value", op: "!=", value: "x" }, false],
      [{ prefix: "a", target: "value", op: "=", value: "m" }, true],
      [{ start: "a", end: "c", target: "version", op: "<", value: 2 }, false],
      [{ start64: "YQ", end64: "Yw", target: "create", op: ">", value: 1 }, true],
      [{ prefix64: "eg", target: "mod", op: "=", value: 0 }, true],
    ];
    for (const [compare, expected] of cases) {
      assert.equal(await holds(compare), expected, JSON.stringify(compare));
    }
    const both = [cases[0]![0], cases[2]![0]];
    assert.equal((await run({ if: both }))["succeeded"], false);
  });

  it("puts under a lease, or with a ttl", async () => {
    await probe.json("POST /v1/leases", 201, jsonInit({ ttl: "30s", id: "7" }));
    await run({
      then: [
        { put: { key: "a", value: "", lease: "7" } },
        { put: { key: "b", value: "", ttl: "5s" } },
      ],
    });
    assert.equal((await probe.json("GET /v1/kv/a?format=record", 200))["lease"], "7");
    const id = (await probe.json("GET /v1/kv/b?format=record", 200))["lease"];
    assert.equal((await probe.json(`GET /v1/leases/${id}`, 200))["ttl_ms"], 5000);
    const gone = [{ put: { key: "c", value: "" } }, { put: { key: "d", value: "", lease: "8" } }];
    const refused = await refuse({ then: gone }, "404 lease_not_found");
    assert.equal(refused.detail, "There is no lease 8");
    await probe.problem("GET /v1/kv/c", "404 key_not_found");
  });

  it("may do nothing, and then takes no revision", async () => {
    assert.deepEqual(await run({}), { succeeded: true, revision: 1, results: [] });
    const reads = await probe.ask("POST /v1/txn", jsonInit({ then: [{ range: {} }] }));
    assert.equal(reads.headers.has("ETag"), false);
    assert.equal(probe.kv.store.revision, 1);
  });

  it("tags what a nested transaction has put", async () => {
    const nested = { then: [{ txn: { then: [{ put: { key: "a", value: "1" } }] } }] };
    const answer = await probe.ask("POST /v1/txn", jsonInit(nested));
    const tag = answer.headers.get("ETag");
    assert.equal(tag, '"2"');
    await probe.json("PUT /v1/kv/a", 200, { body: "2", headers: { "If-Match": String(tag) } });
  });
});

describe("a key that a transaction writes twice", () => {
  const put = (key: string) => ({ put: { key, value: "" } });

  it("is 400 with both places where they can be seen", async () => {
    const refused = await refuse(
      { else: [put("a"), { get: { key: "a" } }, { put: { key64: "YQ", value: "" } }] },
      "400 duplicate_key",
    );
    assert.equal(refused.detail, 'else[2].put.key is "a", which else[0] writes as well');
    assert.equal(refused.issues[0]?.path, "else[2].put.key");
    await refuse({ then: [put("a"), { delete: { key: "a" } }] }, "400 duplicate_key");
    await refuse({ then: [{ delete: { key: "a" } }, put("a")] }, "400 duplicate_key");
    assert.equal(probe.kv.writes, 0);
  });

  it("is 400 where only the store can see it, and nothing is written", async () => {
    await refuse({ then: [put("a"), { delete: { prefix: "a" } }] }, "400 duplicate_key");
    const nested = { then: [put("a"), { txn: { then: [put("a")] } }] };
    const refused = await refuse(nested, "400 duplicate_key");
    assert.equal(refused.detail, "The transaction changes a key twice");
    assert.equal(probe.kv.store.revision, 1);
  });

  it("is none on two paths of which one is taken, nor in deleting twice", async () => {
    await run({ then: [put("a")], else: [put("a")] });
    const twice = [{ delete: { key: "a" } }, { delete: { key: "b" } }, { delete: { key: "b" } }];
    await run({ then: twice });
  });
});

describe("what is wrong with a transaction", () => {
  const detail = async (txn: unknown): Promise<string> => {
    const refused = await refuse(txn, "400 validation_failed");
    assert.equal(probe.kv.writes, 0);
    return refused.detail;
  };
  const then = (...operations: readonly unknown[]) => detail({ then: operations });
  const compare = (more: JsonObject) =>
    detail({ if: [{ key: "a", target: "mod", op: "=", ...more }] });

  it("is told by its place, unknown members with the nearest word", async () => {
    assert.equal(
      await detail({ than: [] }),
      '"than" is not a member of this body; did you mean then?',
    );
    assert.equal(
      await detail({ compare: [], success: [], failure: [] }),
      '3 things are wrong: "compare" is not a member of this body; did you mean if? · ' +
        '"success" is not a member of this body; did you mean then? · ' +
        '"failure" is not a member of this body; did you mean else?',
    );
    assert.equal(
      await then({ get: { key: "a" } }, { put: { key: "a", valeu: "1" } }),
      '"valeu" is not a member of then[1].put; did you mean value?',
    );
    assert.equal(
      await then({ txn: { then: [{ range: { prefx: "a" } }] } }),
      '"prefx" is not a member of then[0].txn.then[0].range; did you mean prefix?',
    );
    assert.equal(
      await then({ put: { key: "a", value: "1", if_match: 3 } }),
      '"if_match" is not a member of then[0].put; it has key, key64, value, value64, ' +
        "content_type, ttl, lease and prev",
    );
    assert.match(await compare({ operator: "=" }), /did you mean op\?$/);
    assert.equal(
      await then({ put: { key: 5, value: "1" } }),
      "then[0].put.key is 5, allowed is a text",
    );
    assert.equal(await detail({ then: {} }), "then is {}, allowed is an array");
    const issues = (await refuse({ then: [{ get: { keey: "a" } }] }, "400 validation_failed"))
      .issues;
    assert.deepEqual(issues.map(({ path }) => path), ["then[0].get.keey"]);
  });

  it("is told in short, however long a name is", async () => {
    const name = "n".repeat(1_000_000);
    for (const body of [`{"${name}":1}`, `{"${name}":1,"${name}":2}`]) {
      const { status, text } = await probe.ask("POST /v1/txn", { ...jsonInit({}), body });
      assert.equal(status, 400);
      assert.ok(text.length < 10_000, `the refusal has ${text.length} letters`);
    }
  });

  it("an operation is one and no more", async () => {
    const names = "allowed is one of put, get, range, delete, txn";
    assert.equal(await then({}), `then[0] has none, ${names}`);
    assert.equal(
      await then({ get: { key: "a" }, delete: { key: "a" } }),
      `then[0] has get and delete, ${names}`,
    );
  });

  it("keys and values", async () => {
    assert.equal(await then({ get: {} }), "then[0].get has neither key nor key64");
    assert.equal(
      await then({ get: { key: "a", key64: "YQ" } }),
      "then[0].get has both key and key64, allowed is one",
    );
    assert.equal(
      await then({ get: { key64: "a" } }),
      'then[0].get.key64 is "a", no base64url',
    );
    assert.equal(
      await then({ get: { key: "" } }),
      "then[0].get.key has 0 bytes, " +
        "allowed are 1 to 8192",
    );
    assert.match(await then({ get: { key64: "" } }), /^then\[0\]\.get\.key64 has 0 bytes/);
    assert.equal(
      await then({ get: { key: "k".repeat(8193) } }),
      "then[0].get.key has 8193 bytes, allowed are 1 to 8192",
    );
    assert.equal(
      await then({ put: { key: "\udc00", value: "\ud800" } }),
      "2 things are wrong: then[0].put.key holds half of a surrogate pair; send its bytes as " +
        "key64 · then[0].put.value holds half of a surrogate pair; send its bytes as value64",
    );
    assert.equal(await then({ put: { key: "a" } }), "then[0].put has neither value nor value64");
    assert.equal(
      await then({ put: { key: "a", value: "", ttl: "5s", lease: "7" } }),
      "then[0].put has both ttl and lease, allowed is one",
    );
    assert.match(
      await then({ put: { key: "a", value: "", ttl: "5" } }),
      /^then\[0\]\.put\.ttl is "5", allowed is 1s to 366d/,
    );
    assert.match(
      await then({ put: { key: "a", value: "", lease: "0" } }),
      /^then\[0\]\.put\.lease is "0", allowed is a lease's id/,
    );
    assert.match(
      await then({ put: { key: "a", value: "", content_type: "x" } }),
      /^then\[0\]\.put\.content_type is "x", allowed is a media type/,
    );
  });

  it("ranges, and a deletion of every key", async () => {
    assert.equal(
      await then({ range: { prefix: "a", end: "b" } }),
      "then[0].range: prefix is given together with start or end",
    );
    assert.equal(
      await then({ range: { start: "b", end: "a" } }),
      'then[0].range: start is "b", which is above end, "a"',
    );
    for (const limit of [0, 10_001, 1.5]) {
      assert.equal(
        await then({ range: { limit } }),
        `then[0].range.limit is ${limit}, allowed is an integer from 1 to 10000`,
      );
    }
    const tooLarge = await probe.problem("POST /v1/txn", "400 validation_failed", {
      headers: { "Content-Type": "application/json" },
      body: '{"then":[{"range":{"limit":1e400}}]}',
    });
    assert.match(tooLarge.detail, /^then\[0\]\.range\.limit is Infinity, allowed is an integer/);
    assert.equal(
      await then({ delete: {} }),
      "then[0].delete names no key: allowed are key, prefix, or start and end",
    );
    for (const everything of [{ prefix: "" }, { start: "" }, { prefix64: "" }]) {
      assert.match(
        await then({ delete: everything }),
        /^then\[0\]\.delete\.\w+ is empty: this would be every key, name a narrower range$/,
      );
    }
    assert.equal(
      await then({ delete: { key: "a", prefix: "a" } }),
      "then[0].delete has a key and prefix, allowed is one",
    );
  });

  it("compares", async () => {
    assert.equal(
      await compare({ target: "revision", value: 1 }),
      'if[0].target is "revision", allowed are value, version, create, mod and lease',
    );
    assert.equal(
      await compare({ op: "==", value: 1 }),
      'if[0].op is "==", allowed are =, !=, < and >',
    );
    const count = "allowed is an integer from 0 to 9007199254740991 for target mod";
    assert.equal(await compare({}), `if[0].value is missing, ${count}`);
    assert.equal(await compare({ value: "1" }), `if[0].value is "1", ${count}`);
    assert.equal(await compare({ value: -1 }), `if[0].value is -1, ${count}`);
    assert.equal(
      await compare({ value: 2 ** 53 }),
      "if[0].value is 9007199254740992, allowed are a text and an integer of up to 2^53 - 1",
    );
    assert.equal(
      await compare({ value: 1, value64: "MQ" }),
      "if[0].value64 is given, target mod takes value",
    );
    assert.equal(
      await compare({ target: "value", value: 1 }),
      "if[0].value is 1, allowed is a text for target value",
    );
    assert.equal(await compare({ target: "value" }), "if[0] has neither value nor value64");
    const id = 'allowed is a lease\'s id as text, or "0" for none, for target lease';
    assert.equal(await compare({ target: "lease", value: 7 }), `if[0].value is 7, ${id}`);
    assert.equal(await compare({ target: "lease", value: "x" }), `if[0].value is "x", ${id}`);
    assert.equal(
      await detail({ if: [{ target: "mod", op: "=", value: 1 }] }),
      "if[0] names no key: allowed are key, prefix, or start and end",
    );
  });

  it("a member that stands twice, of which the last would win silently", async () => {
    const body = '{"if":[{"key":"a","target":"mod","op":"=","value":1}],"if":[]}';
    const init = { ...jsonInit({}), body };
    const refused = await probe.problem("POST /v1/txn", "400 validation_failed", init);
    assert.equal(refused.detail, "if is given twice");
  });

  it("more than 128 operations, more than 500 levels, and values that are too long", async () => {
    const get = { get: { key: "a" } };
    const many = Array.from({ length: 128 }, () => get);
    assert.equal(Object((await run({ then: many }))["results"]).length, 128);
    probe = new HttpProbe();
    assert.match(await detail({ then: [...many, get] }), / 129 operations .*allowed are 128 /);
    const deep = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    const init = { ...jsonInit({}), body: deep(1_000_000) };
    const refused = await probe.problem("POST /v1/txn", "400 validation_failed", init);
    assert.equal(refused.detail, "The body nests deeper than 500 arrays and objects");
    let nested: JsonObject = { then: [get] };
    for (let level = 1; level < 128; level++) nested = { then: [{ txn: nested }] };
    await run(nested);
    const limits = { valueBytesMax: 4, requestBytesMax: 100, waitingRequestsMax: 9 };
    probe = new HttpProbe({ limits });
    const long = { then: [{ put: { key: "a", value: "12345" } }] };
    const tooLong = await refuse(long, "413 value_too_large");
    assert.equal(tooLong.detail, "then[0].put.value has 5 bytes, allowed are 4");
    const padded = { then: Array.from({ length: 9 }, () => get) };
    await refuse(padded, "413 request_too_large");
  });

  it("conditions, which are its compares, and other media types", async () => {
    for (const header of ["If-Match", "If-None-Match"]) {
      const init = jsonInit({}, { [header]: '"1"' });
      await probe.problem("POST /v1/txn", "400 validation_failed", init);
    }
    const init = jsonInit({}, { "If-Unmodified-Since": "Fri, 20 Nov 2026 12:00:00 GMT" });
    await probe.problem("POST /v1/txn", "400 bad_request", init);
    await probe.problem("POST /v1/txn", "415 unsupported_media_type", { body: "{}" });
    const missing = await probe.problem("POST /v1/txn", "400 bad_request");
    assert.equal(missing.detail, "The body is missing, send application/json");
    const broken = { ...jsonInit({}), body: '{"then":' };
    await probe.problem("POST /v1/txn", "400 bad_request", broken);
  });
});
