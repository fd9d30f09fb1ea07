import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HttpProbe, jsonInit, type Probed } from "../../harness/http_probe.ts";
import { Call } from "../../../src/http/call.ts";
import { idempotencyOf } from "../../../src/http/idempotency.ts";
import { hex } from "../../../src/lib/bytes.ts";
import { ServiceError } from "../../../src/service/errors.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

type Sent = Readonly<Record<string, string>>;

/** A request under a key, with a body of bytes. */
function keyed(body?: string, more: Sent = {}, key = "k"): RequestInit {
  const headers = { "Idempotency-Key": key, ...more };
  return body === undefined ? { headers } : { headers, body };
}

function keyedJson(body: unknown, key = "k"): RequestInit {
  return jsonInit(body, { "Idempotency-Key": key });
}

/** Of a refusal without its words, which are not remembered. */
const shown = ({ status, headers, text }: Probed) => ({
  status,
  text: text.replace(/"detail":"(?:[^"\\]|\\.)*",/, ""),
  etag: headers.get("ETag"),
  revision: headers.get("KV-Revision"),
  location: headers.get("Location"),
});

/** Asks twice and wants the first answer again, and nothing done the second time. */
async function repeats(line: string, init: RequestInit, status: number): Promise<Probed> {
  const first = await probe.ask(line, init);
  assert.equal(first.status, status, first.text);
  assert.equal(first.headers.has("Idempotency-Replayed"), false);
  const { revision } = probe.kv.store;
  const second = await probe.ask(line, init);
  assert.deepEqual(shown(second), shown(first), line);
  assert.equal(second.headers.get("Idempotency-Replayed"), "true");
  assert.equal(probe.kv.store.revision, revision);
  return second;
}

describe("a write under an Idempotency-Key", () => {
  it("is done once, whatever it is, and its repetition gets the first answer", async () => {
    await probe.put("b/1", "1");
    await repeats("PUT /v1/kv/a", keyed("1", {}, "1"), 201);
    await repeats("PUT /v1/kv/a?return=representation", keyed("2", {}, "2"), 200);
    await repeats("DELETE /v1/kv/a", keyed(undefined, {}, "3"), 200);
    await repeats("DELETE /v1/kv?prefix=b/&limit=1", keyed(undefined, {}, "4"), 200);
    await repeats("POST /v1/kv/n", keyedJson({ op: "add", value: 5 }, "5"), 201);
    await repeats("POST /v1/kv/n", keyedJson({ op: "add", value: 5 }, "6"), 200);
    const patch = { "Content-Type": "application/merge-patch+json" };
    await repeats("PATCH /v1/kv/j", keyed('{"a":1}', patch, "7"), 201);
    const put = { put: { key: "t", value: "1" } };
    await repeats("POST /v1/txn", keyedJson({ then: [put, { delete: { key: "t2" } }] }, "8"), 200);
    await repeats("POST /v1/batch", keyedJson([put, put], "9"), 200);
    const granted = await repeats("POST /v1/leases", keyedJson({ ttl: "30s" }, "11"), 201);
    const { id } = JSON.parse(granted.text);
    await repeats(`POST /v1/leases/${id}/keepalive`, keyed(undefined, {}, "12"), 200);
    await repeats(`DELETE /v1/leases/${id}`, keyed(undefined, {}, "13"), 204);
    await repeats("POST /v1/compactions", keyedJson({ revision: 3 }, "14"), 200);
    assert.equal((await probe.ask("GET /v1/kv/n")).text, "10");
  });

  it("may name the key as an option", async () => {
    await repeats("PUT /v1/kv/a?idempotency_key=worker-7;1", { body: "1" }, 201);
    const header = keyed("1", {}, "worker-7;1");
    const replay = await probe.ask("PUT /v1/kv/a", header);
    assert.equal(replay.headers.get("Idempotency-Replayed"), "true");
    const line = "PUT /v1/kv/a?idempotency_key=other";
    const refused = await probe.problem(line, "400 validation_failed", header);
    assert.match(refused.detail, /^Idempotency-Key is "worker-7;1", which contradicts /);
  });

  it("is the same request however it is written", async () => {
    const { id } = await probe.json("POST /v1/leases", 201, jsonInit({ ttl: "30s" }));
    const spellings: readonly (readonly [line: string, more: Sent])[] = [
      ["PUT /v1/kv/a%2Fb?ttl=60s&prev&if_match=0", { "Content-Type": "text/x" }],
      ["PUT /v1/kv/a/b?prev=true&if_match=%220%22&ttl=1m", { "Content-Type": "text/x" }],
      ["PUT /v1/kv64/YS9i?content_type=text/x&ttl=60000ms&prev", { "If-Match": 'W/"0"' }],
      ["PUT /v1/kv/a/b?ttl=60s&prev&timeout=9s&redirect=true&cluster_id=test-cluster", {
        "If-Match": "0",
        "Content-Type": "text/x",
      }],
    ];
    for (const [at, [line, more]] of spellings.entries()) {
      const answer = await probe.ask(line, keyed("1", more));
      assert.equal(answer.status, 201, answer.text);
      assert.equal(answer.headers.get("Idempotency-Replayed"), at === 0 ? null : "true", line);
    }
    assert.equal(id, "1");
    assert.equal(probe.kv.store.revision, 2);
  });

  it("is refused when the key was used for another request", async () => {
    const first = "PUT /v1/kv/a?if_none_match=*&content_type=text/x";
    await probe.json(first, 201, keyed("1"));
    const others: readonly (readonly [line: string, init: RequestInit])[] = [
      ["PUT /v1/kv/b?if_none_match=*&content_type=text/x", keyed("1")],
      ["PUT /v1/kv/a?content_type=text/x", keyed("1")],
      ["PUT /v1/kv/a?if_match=0&content_type=text/x", keyed("1")],
      ["PUT /v1/kv/a?if_none_match=*&content_type=text/y", keyed("1")],
      ["PUT /v1/kv/a?if_none_match=*", keyed("1")],
      ["PUT /v1/kv/a?if_none_match=*&content_type=text/x&ttl=5s", keyed("1")],
      ["PUT /v1/kv/a?if_none_match=*&content_type=text/x&prev", keyed("1")],
      [first, keyed("2")],
      [first, keyed("")],
      ["DELETE /v1/kv/a", keyed()],
      ["DELETE /v1/kv?prefix=a", keyed()],
      ["POST /v1/txn", keyedJson({})],
    ];
    for (const [line, init] of others) {
      const refused = await probe.problem(line, "422 idempotency_mismatch", init);
      assert.equal(refused.detail, "The idempotency key was used for another request");
      assert.equal(refused.outcome, "not_applied");
      assert.equal(refused.retryable, false);
    }
    const replay = await probe.ask(first, keyed("1"));
    assert.equal(replay.headers.get("Idempotency-Replayed"), "true");
    assert.equal(probe.kv.store.revision, 2);
  });

  it("is another one with the same bytes in another media type", async () => {
    const hashOf = async (mediaType: string): Promise<string> => {
      const request = new Request("http://127.0.0.1:7400/v1/batch", { method: "POST" });
      const call = new Call(request, probe.services);
      call.options = { idempotency_key: "k" };
      call.mediaType = mediaType;
      return hex((await idempotencyOf(call))!.requestHash);
    };
    assert.equal(await hashOf("application/json"), await hashOf("application/json"));
    assert.notEqual(await hashOf("application/json"), await hashOf("application/x-ndjson"));
  });

  it("remembers refusals that the store decided", async () => {
    await probe.put("a", "x");
    const add = keyedJson({ op: "add", value: 1 }, "1");
    await repeats("POST /v1/kv/a", add, 409);
    await repeats("PUT /v1/kv/a?lease=9", keyed("1", {}, "2"), 404);
    await repeats("POST /v1/leases/9/keepalive", keyed(undefined, {}, "3"), 404);
    await repeats("DELETE /v1/leases/9", keyed(undefined, {}, "4"), 404);
    await repeats("PUT /v1/kv/none?if_match=*", keyed("1", {}, "5"), 412);
    await probe.json("POST /v1/leases", 201, jsonInit({ ttl: "5s", id: "9" }));
    await repeats("POST /v1/leases", keyedJson({ ttl: "5s", id: "9" }, "6"), 409);
    const late = await probe.problem(
      "PUT /v1/kv/a?lease=9",
      "404 lease_not_found",
      keyed("1", {}, "2"),
    );
    assert.equal(late.outcome, "not_applied");
    assert.equal(
      late.detail,
      "This was refused as lease_not_found when it was first asked for",
    );
  });

  it("forgets what was nonsense: put right, it is done under the same key", async () => {
    await probe.problem("POST /v1/compactions", "400 bad_request", keyedJson({ revision: 2 }));
    await probe.problem("POST /v1/kv/a", "400 validation_failed", keyedJson({ op: "x" }));
    await probe.problem("PUT /v1/kv/a?ttl=5", "400 validation_failed", keyed("1"));
    const done = await probe.ask("PUT /v1/kv/a", keyed("1"));
    assert.equal(done.status, 201);
    assert.equal(done.headers.has("Idempotency-Replayed"), false);
  });

  it("passes a hash of 32 bytes on, which depends on nothing but the request", async () => {
    const hashes = new Set<string>();
    for (let i = 0; i < 3; i++) {
      await new HttpProbe({ kv: probe.kv }).ask("PUT /v1/kv/a?ttl=5s", keyed("1", {}, `${i}`));
      hashes.add(hex(probe.kv.lastWrite?.options.idempotency?.requestHash ?? new Uint8Array()));
    }
    // A change of these bytes would make repetitions across an upgrade fail.
    assert.deepEqual([...hashes], [
      "1a1d93afc4f23fcc7e392ec34b4cd2101cf17a2d9b537eebbf33affc3d506f0d",
    ]);
    await probe.ask("PUT /v1/kv/a", { body: "1" });
    assert.equal("idempotency" in probe.kv.lastWrite!.options, false);
  });
});

describe("a repetition whose answer held what was read", () => {
  it("says that it lacks it", async () => {
    await probe.put("a", "before");
    await probe.ask("PUT /v1/kv/a?prev&return=representation", keyed("now"));
    const put = await probe.json("PUT /v1/kv/a?prev&return=representation", 200, keyed("now"));
    assert.deepEqual(put, {
      key: "a",
      revision: 3,
      create: 2,
      version: 2,
      value: "now",
      mod: 3,
      content_type: "application/octet-stream",
      results_omitted: true,
    });
    await probe.ask("DELETE /v1/kv/a?prev", keyed(undefined, {}, "2"));
    const deleted = await probe.json("DELETE /v1/kv/a?prev", 200, keyed(undefined, {}, "2"));
    assert.deepEqual(deleted, { deleted: 1, revision: 4, results_omitted: true });
    const line = "DELETE /v1/kv?prefix=b&prev&limit=5";
    await probe.put("b", "1");
    await probe.ask(line, keyed(undefined, {}, "3"));
    const range = await probe.json(line, 200, keyed(undefined, {}, "3"));
    assert.deepEqual(range, { deleted: 1, revision: 6, more: false, results_omitted: true });
  });

  it("knows that there was nothing to read", async () => {
    await repeats("PUT /v1/kv/a?prev", keyed("1"), 201);
    await repeats("DELETE /v1/kv/none?prev", keyed(undefined, {}, "2"), 200);
    const absent = await repeats("PUT /v1/kv/none?if_match=3", keyed("1", {}, "3"), 412);
    assert.equal(JSON.parse(absent.text).current, null);
  });

  it("knows no current record of a condition that failed", async () => {
    await probe.put("a", "1");
    const line = "PUT /v1/kv/a?if_match=9";
    const first = await probe.problem(line, "412 precondition_failed", keyed("2"));
    assert.equal(Object(first.body["current"]).mod, 2);
    const second = await probe.problem(line, "412 precondition_failed", keyed("2"));
    assert.equal("current" in second.body, false);
    assert.equal(second.body["results_omitted"], true);
    assert.equal(second.detail, "a was not as the condition wanted when this was first asked");
    assert.equal(second.headers.has("ETag"), false);
    assert.equal(second.headers.get("Idempotency-Replayed"), "true");
    assert.equal(second.outcome, "not_applied");
  });

  it("keeps the number that was counted, and no long value", async () => {
    const line = "POST /v1/kv/n?return=representation&prev";
    const add = keyedJson({ op: "add", value: 2 });
    await probe.put("n", "1");
    await probe.ask(line, add);
    assert.deepEqual(await probe.json(line, 200, add), {
      key: "n",
      revision: 3,
      create: 2,
      version: 2,
      value: "3",
      mod: 3,
      results_omitted: true,
    });
    await repeats(
      "POST /v1/kv/new?return=representation&prev",
      keyedJson({ op: "append", value: "x" }, "2"),
      201,
    );
    const long = keyedJson({ op: "append", value: "x".repeat(100) }, "3");
    await probe.ask("POST /v1/kv/long?return=representation", long);
    assert.deepEqual(await probe.json("POST /v1/kv/long?return=representation", 201, long), {
      key: "long",
      revision: 5,
      create: 5,
      version: 1,
      mod: 5,
      content_type: "application/octet-stream",
      results_omitted: true,
    });
  });

  it("of a transaction has the writes, and empty results where it read", async () => {
    await probe.put("a", "1");
    const txn = {
      then: [
        { get: { key: "a" } },
        { put: { key: "b", value: "1", prev: true } },
        { range: { prefix: "a" } },
        { delete: { key: "a", prev: true } },
        { txn: { else: [], if: [], then: [{ get: { key: "b" } }] } },
      ],
    };
    await probe.ask("POST /v1/txn", keyedJson(txn));
    const again = await probe.ask("POST /v1/txn", keyedJson(txn));
    assert.deepEqual(JSON.parse(again.text), {
      succeeded: true,
      revision: 3,
      results: [
        {},
        { put: { revision: 3, create: 3, version: 1 } },
        {},
        { delete: { deleted: 1 } },
        { txn: { succeeded: true, revision: 3, results: [{}] } },
      ],
      results_omitted: true,
    });
    assert.equal(again.headers.get("ETag"), '"3"');
    assert.equal(probe.kv.store.revision, 3);
  });

  it("of a batch never passes for well done where that is not known", async () => {
    await probe.put("a", "1");
    const batch = keyedJson([
      { put: { key: "a", value: "2", prev: true } },
      { get: { key: "a" } },
      { delete: { key: "a", if_match: 1 } },
    ]);
    await probe.json("POST /v1/batch", 207, batch);
    const again = await probe.json("POST /v1/batch", 207, batch);
    const [put, get, deletion] = Object(again["items"]);
    assert.deepEqual(put, { status: 200, key: "a", revision: 3, create: 2, version: 2 });
    assert.deepEqual(get, {});
    assert.equal(deletion.status, 412);
    assert.equal("current" in deletion.problem, false);
    assert.equal(again["results_omitted"], true);
    const read = keyedJson([{ put: { key: "b", value: "" } }, { get: { key: "a" } }], "3");
    await probe.json("POST /v1/batch", 200, read);
    const reread = await probe.json("POST /v1/batch", 207, read);
    assert.deepEqual(Object(reread["items"])[1], {});
    const many = keyedJson(
      Array.from({ length: 900 }, (_, i) => ({ put: { key: `k${i}`, value: "" } })),
      "2",
    );
    await probe.json("POST /v1/batch", 200, many);
    const late = await probe.json("POST /v1/batch", 207, many);
    assert.deepEqual(late, { items: [], revision: 904, results_omitted: true });
  });
});

describe("the key", () => {
  it("is 1 to 255 printable characters of ASCII", async () => {
    await repeats("PUT /v1/kv/a", keyed("1", {}, "~ !"), 201);
    await repeats("PUT /v1/kv/a", keyed("1", {}, "x".repeat(255)), 200);
    for (const bad of ["", "x".repeat(256), "é", "a%00b", "%FF", "a%09b"]) {
      const line = `PUT /v1/kv/a?idempotency_key=${bad}`;
      const refused = await probe.problem(line, "400 validation_failed", { body: "1" });
      assert.match(refused.detail, /^idempotency_key is /);
    }
    const long = keyed("1", {}, "x".repeat(256));
    const refused = await probe.problem("PUT /v1/kv/a", "400 validation_failed", long);
    assert.match(refused.detail, /^Idempotency-Key is "x+…", allowed are 1 to 255 printable/);
  });

  it("says nothing to a read", async () => {
    await probe.put("a", "1");
    const read = await probe.ask("GET /v1/kv/a", { headers: { "Idempotency-Key": "k" } });
    assert.equal(read.status, 200);
    assert.equal(read.headers.has("Idempotency-Replayed"), false);
    await probe.problem("GET /v1/kv/a?idempotency_key=k", "400 validation_failed");
  });

  it("of a stream is too old after 256 later numbers: nobody can tell", async () => {
    for (const seq of [1, 2, 300]) await probe.ask("PUT /v1/kv/a", keyed("1", {}, `w;${seq}`));
    for (const seq of [1, 44]) {
      const init = keyed("1", {}, `w;${seq}`);
      const old = await probe.problem("PUT /v1/kv/a", "409 idempotency_expired", init);
      assert.equal(old.retryable, false);
      assert.equal(old.outcome, "unknown");
    }
    const other = keyed("1", {}, "v;1");
    assert.equal(
      (await probe.ask("PUT /v1/kv/a", other)).headers.has("Idempotency-Replayed"),
      false,
    );
    await repeats("PUT /v1/kv/a", keyed("1", {}, "w;45"), 200);
  });

  it("is refused for a while where there is no room for another answer", async () => {
    probe.kv.store.apply = () => ({
      ...{ kind: "rejected", revision: 1, code: "overloaded" },
      reason: "there is no room to remember another answer",
    });
    const refused = await probe.problem("PUT /v1/kv/a", "429 overloaded", keyed("1"));
    assert.equal(refused.detail, "There is no room to remember another answer");
    assert.equal(refused.outcome, "not_applied");
    assert.equal(refused.retryable, true);
    assert.equal(refused.headers.get("Retry-After"), "10");
  });

  it("lets a client repeat what may have been applied, and tells when", async () => {
    probe.kv.before = () => {
      const more = { outcome: "unknown", retryable: true, retryAfterMs: 100 } as const;
      throw new ServiceError("leader_changed", "It may be applied or not", more);
    };
    const lost = await probe.problem("PUT /v1/kv/a", "503 leader_changed", keyed("1"));
    assert.equal(lost.outcome, "unknown");
    assert.equal(lost.retryable, true);
    assert.equal(lost.headers.get("Retry-After"), "1");
  });
});
