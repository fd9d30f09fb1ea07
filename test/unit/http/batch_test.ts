import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HttpProbe, jsonInit, type JsonObject } from "../../harness/http_probe.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

function run(items: unknown, status: 200 | 207): Promise<JsonObject> {
  return probe.json("POST /v1/batch", status, jsonInit(items));
}

function lines(text: string): RequestInit {
  return { body: text, headers: { "Content-Type": "application/x-ndjson" } };
}

const plain = "application/octet-stream";

describe("POST /v1/batch", () => {
  it("is 200 when all went well, each item with what it alone would have got", async () => {
    await probe.put("c", "old", { "Content-Type": "text/x" });
    const answer = await probe.ask(
      "POST /v1/batch",
      jsonInit([
        { put: { key: "a", value: "1" } },
        { put: { key: "a", value64: "_w", content_type: "text/y" } },
        { get: { key: "a" } },
        { put: { key: "c", value: "new", prev: true } },
        { delete: { key: "c", prev: true } },
        { delete: { key: "none", prev: true } },
        { put: { key: "d", value: "", prev: true } },
        { delete: { key64: "YQ" } },
      ]),
    );
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("KV-Revision"), "8");
    assert.deepEqual(JSON.parse(answer.text), {
      items: [
        { status: 201, key: "a", revision: 3, create: 3, version: 1 },
        { status: 200, key: "a", revision: 4, create: 3, version: 2 },
        {
          status: 200,
          key: "a",
          value64: "_w",
          create: 3,
          mod: 4,
          version: 2,
          content_type: "text/y",
        },
        {
          status: 200,
          key: "c",
          revision: 5,
          create: 2,
          version: 2,
          prev: { key: "c", value: "old", create: 2, mod: 2, version: 1, content_type: "text/x" },
        },
        {
          status: 200,
          deleted: 1,
          revision: 6,
          prev: { key: "c", value: "new", create: 2, mod: 5, version: 2, content_type: plain },
        },
        { status: 200, deleted: 0, revision: 6, prev: null },
        { status: 201, key: "d", revision: 7, create: 7, version: 1, prev: null },
        { status: 200, deleted: 1, revision: 8 },
      ],
      revision: 8,
    });
  });

  it("is 207 when an item failed: its problem is in its place, the others are done", async () => {
    await probe.put("a", "1");
    const { items, revision } = await run([
      { put: { key: "a", value: "2", if_match: 7 } },
      { put: { key: "a", value: "2", if_none_match: "*" } },
      { put: { key: "none", value: "", if_match: "*" } },
      { get: { key: "none" } },
      { put: { key: "b", value: "", lease: "8" } },
      { delete: { key: "a", if_match: 1 } },
      { put: { key: "a", value: "3", if_match: 2 } },
      { put: { key: "new", value: "", if_match: 0 } },
      { delete: { key: "a", if_match: "*" } },
    ], 207);
    const problems = Object(items).slice(0, 6).map((item: JsonObject) => item["problem"]);
    assert.deepEqual(problems[0], {
      type: "urn:skein:problem:precondition_failed",
      title: "Precondition failed",
      status: 412,
      detail: "a is at revision 2, If-Match wanted 7",
      code: "precondition_failed",
      outcome: "not_applied",
      retryable: false,
      current: { key: "a", value: "1", create: 2, mod: 2, version: 1, content_type: plain },
    });
    assert.deepEqual(
      Object(items).map((item: JsonObject) =>
        `${item["status"]} ${Object(item["problem"]).detail ?? "done"}`
      ),
      [
        "412 a is at revision 2, If-Match wanted 7",
        "412 a is at revision 2, If-None-Match wanted no such key",
        "412 none does not exist, If-Match wanted any revision",
        "404 none does not exist",
        "404 There is no lease 8",
        "412 a is at revision 2, If-Match wanted 1",
        "200 done",
        "201 done",
        "200 done",
      ],
    );
    assert.equal("outcome" in Object(problems[3]), false);
    assert.equal(Object(problems[4]).outcome, "not_applied");
    assert.equal(revision, 5);
  });

  it("takes one item a line as NDJSON, and skips empty lines", async () => {
    const text = '{"put":{"key":"a","value":"1"}}\r\n\n{"get":{"key":"a"}}\n  \n';
    const { items } = await probe.json("POST /v1/batch", 200, lines(text));
    assert.deepEqual(Object(items).map(({ status }: JsonObject) => status), [201, 200]);
    const one = await probe.json("POST /v1/batch", 207, lines('{"get":{"key":"b"}}'));
    assert.equal(one["revision"], 2);
  });

  it("leaves a long value out of a problem", async () => {
    await probe.put("a", "x".repeat(65_537));
    const { items } = await run([{ delete: { key: "a", if_match: 1 } }], 207);
    const { current } = Object(items)[0].problem;
    assert.equal("value" in current, false);
    assert.equal(current.mod, 2);
  });

  it("does up to 1,000 items, and at least one", async () => {
    const item = { get: { key: "a" } };
    await probe.put("a", "1");
    const all = await run(Array.from({ length: 1000 }, () => item), 200);
    assert.equal(Object(all["items"]).length, 1000);
    const many = jsonInit(Array.from({ length: 1001 }, () => item));
    const refused = await probe.problem("POST /v1/batch", "400 validation_failed", many);
    assert.match(refused.detail, /^The body has 1001 items, allowed are 1 to 1000 items$/);
    const line = `${JSON.stringify(item)}\n`;
    await probe.problem("POST /v1/batch", "400 validation_failed", lines(line.repeat(1001)));
    await probe.problem("POST /v1/batch", "400 validation_failed", jsonInit([]));
    await probe.problem("POST /v1/batch", "400 validation_failed", lines("\n"));
  });

  it("stops answering values at 15 MiB, and says so in the items", async () => {
    await probe.put("big", new Uint8Array(6 * 1024 * 1024).fill(0x61));
    const { items } = await run(Array.from({ length: 4 }, () => ({ get: { key: "big" } })), 207);
    const statuses = Object(items).map(({ status }: JsonObject) => status);
    assert.deepEqual([statuses[0], statuses.at(-1)], [200, 400]);
    const { problem } = Object(items).at(-1);
    assert.equal(problem.code, "range_too_large");
    assert.equal("outcome" in problem, false);
  });

  it("tells what is wrong by its place, and then does nothing at all", async () => {
    const detail = async (items: unknown): Promise<string> => {
      const init = jsonInit(items);
      return (await probe.problem("POST /v1/batch", "400 validation_failed", init)).detail;
    };
    const put = { put: { key: "a", value: "1" } };
    const names = "allowed is one of put, get, delete";
    assert.equal(await detail([put, {}]), `[1] has none, ${names}`);
    assert.equal(await detail([{ ...put, get: { key: "a" } }]), `[0] has put and get, ${names}`);
    assert.equal(
      await detail([put, { put: { key: "a", valu: "1" } }]),
      '"valu" is not a member of [1].put; did you mean value?',
    );
    assert.equal(await detail([put, { get: {} }]), "[1].get has neither key nor key64");
    assert.equal(
      await detail([{ delete: { prefix: "a" } }]),
      '"prefix" is not a member of [0].delete; it has key, key64, prev, if_match and if_none_match',
    );
    const tag = 'allowed are an integer from 0 to 9007199254740991 and "*"';
    for (const bad of ['"2"', "2", -1, 1.5, null]) {
      assert.equal(
        await detail([{ delete: { key: "a", if_match: bad } }]),
        `[0].delete.if_match is ${JSON.stringify(bad)}, ${tag}`,
      );
    }
    assert.equal(
      await detail([{ put: { key: "a", value: "", if_none_match: 2 } }]),
      '[0].put.if_none_match is 2, allowed is "*"',
    );
    assert.equal(
      await detail([{ put: { key: "a", value: "", if_match: "*", if_none_match: "*" } }]),
      '[0].put has if_match and if_none_match "*", which never hold together',
    );
    assert.equal(
      await detail(put),
      'The body is {"put":{"key":"a","value":"1"}}, allowed is an array',
    );
    assert.equal(probe.kv.writes, 0);
  });

  it("tells the line of NDJSON that is none, and members that stand twice", async () => {
    const good = '{"get":{"key":"a"}}';
    const broken = await probe.problem("POST /v1/batch", "400 bad_request", lines(`${good}\n\n{`));
    assert.equal(broken.detail, "Line 3 is not valid JSON");
    const twice = '{"get":{"key":"a","key":"b"}}';
    const refused = await probe.problem(
      "POST /v1/batch",
      "400 validation_failed",
      lines(`${good}\n${twice}`),
    );
    assert.equal(refused.detail, "[1].get.key is given twice");
    const binary = { ...lines(""), body: Uint8Array.of(0xff) };
    const { detail } = await probe.problem("POST /v1/batch", "400 bad_request", binary);
    assert.equal(detail, "The body is not valid UTF-8");
  });

  it("is refused before anything is made of too many parts, which may all be wrong", async () => {
    const said = "The body has more than 20000 members and elements, which is the limit";
    const many = "0".repeat(1_000_000);
    for (const init of [jsonInit([...many]), lines([...many].join("\n"))]) {
      const { detail } = await probe.problem("POST /v1/batch", "400 validation_failed", init);
      assert.equal(detail, said);
    }
    const sparse = lines(`${"\n".repeat(30_000)}{"delete":{"key":"a"}}`);
    assert.equal((await probe.ask("POST /v1/batch", sparse)).status, 200);
  });

  it("names the media types, and takes no conditions beside its items", async () => {
    const refused = await probe.problem("POST /v1/batch", "415 unsupported_media_type", {
      body: "[]",
    });
    assert.equal(
      refused.detail,
      "Content-Type is absent, send application/json or application/x-ndjson",
    );
    const missing = await probe.problem("POST /v1/batch", "400 bad_request");
    assert.match(missing.detail, /^The body is missing, send application\/json or application/);
    const init = jsonInit([], { "If-Match": "*" });
    await probe.problem("POST /v1/batch", "400 validation_failed", init);
    const limits = { valueBytesMax: 4, requestBytesMax: 100, waitingRequestsMax: 9 };
    probe = new HttpProbe({ limits });
    const long = jsonInit([{ put: { key: "a", value: "12345" } }]);
    const tooLong = await probe.problem("POST /v1/batch", "413 value_too_large", long);
    assert.equal(tooLong.detail, "[0].put.value has 5 bytes, allowed are 4");
    const padded = jsonInit(Array.from({ length: 9 }, () => ({ get: { key: "a" } })));
    await probe.problem("POST /v1/batch", "413 request_too_large", padded);
  });
});
