/** Locks over HTTP. */

import { HttpProbe, jsonInit, type Probed } from "../../harness/http_probe.ts";
import { afterEach, assert, beforeEach, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

afterEach(async () => {
  await until(() => probe.watches.size === 0, { what: "nobody to wait any more" });
  assert.equal(probe.contests.size, 0);
  assert.deepEqual(probe.internalErrors, []);
});

const ttl = jsonInit({ ttl: "30s" });

/** The request that waits, and its answer to come. */
async function waits(
  line: string,
  init: RequestInit,
): Promise<{ readonly answer: Promise<Probed> }> {
  const before = probe.contests.size;
  const answer = probe.ask(line, init);
  await until(() => probe.contests.size > before, { what: "the request to wait", everyMs: 1 });
  return { answer };
}

describe("POST /v1/locks/{name}", () => {
  it("gives the lock to who comes first, and names the holder to others", async () => {
    const init = jsonInit({ ttl: "30s", owner: "worker-7" });
    const held = await probe.ask("POST /v1/locks/deploy", init);
    assert.equal(
      `${held.status} ${held.headers.get("ETag")} ${held.text}`,
      '200 "2" {"name":"deploy","token":2,"lease":"1","owner":"worker-7","revision":2}',
    );
    const refused = await probe.problem("POST /v1/locks/deploy", "423 locked", ttl);
    assert.deepEqual(refused.body["holder"], { token: 2, lease: "1", owner: "worker-7" });
    assert.equal(refused.headers.get("Retry-After"), "1");
    assert.equal(refused.outcome, "not_applied");
    assert.equal(refused.retryable, true);
    assert.equal(refused.detail, "Lock deploy is held by worker-7, token 2");
  });

  it("gives the same token to the same lease", async () => {
    await probe.json("POST /v1/leases", 201, jsonInit({ ttl: "30s", id: "7" }));
    const init = jsonInit({ lease: "7" });
    const tokens = [];
    for (let at = 0; at < 2; at++) tokens.push(await probe.json("POST /v1/locks/a", 200, init));
    assert.deepEqual(tokens.map(({ token, lease }) => [token, lease]), [[2, "7"], [2, "7"]]);
    await probe.ask("DELETE /v1/leases/7");
    await probe.problem("GET /v1/locks/a", "404 lock_not_held");
    await probe.problem("POST /v1/locks/a", "404 lease_not_found", init);
  });

  it("takes a name of any bytes in one segment", async () => {
    for (
      const [path, fields] of [
        ["a%2Fb", { name: "a/b" }],
        ["%FF", { name64: "_w" }],
        ["%5C", { name: "\\" }],
        ["+", { name: "+" }],
        ["%c3%a4", { name: "ä" }],
        ["x".repeat(1_024), { name: "x".repeat(1_024) }],
      ] as const
    ) {
      const { name, name64 } = await probe.json(`POST /v1/locks/${path}`, 200, ttl);
      assert.deepEqual({ name, name64 }, { name: undefined, name64: undefined, ...fields });
    }
    const long = await probe.problem(
      `POST /v1/locks/${"x".repeat(1_025)}`,
      "400 validation_failed",
      ttl,
    );
    assert.equal(long.detail, "The name has 1025 bytes, allowed are 1 to 1024");
    await probe.problem("POST /v1/locks/a%2", "400 bad_request", ttl);
    await probe.problem("POST /v1/locks/a/b", "404 route_not_found", ttl);
    await probe.problem("POST /v1/locks/", "404 route_not_found", ttl);
    await probe.problem("PUT /v1/locks/a", "405 method_not_allowed", ttl);
  });

  it("tells what is wrong with a request", async () => {
    for (
      const [body, path, message] of [
        [{}, "", "The body has neither ttl nor lease, allowed is one of them"],
        [{ ttl: "1s", lease: "7" }, "ttl", "The body has both ttl and lease, allowed is one"],
        [{ ttl: 5 }, "ttl", "ttl is 5, allowed is 1s to 366d, written like 500ms, 5s, 1m"],
        [{ ttl: "1s", own: "x" }, "own", '"own" is not a member of this body; did you mean owner?'],
        [
          { ttl: "1s", owner: "ä".repeat(513) },
          "owner",
          `owner is "${"ä".repeat(100)}…", allowed are up to 1024 bytes of UTF-8`,
        ],
      ] as const
    ) {
      const init = jsonInit(body);
      const { issues } = await probe.problem("POST /v1/locks/a", "400 validation_failed", init);
      assert.deepEqual(issues, [{ path, message }]);
    }
    await probe.problem("POST /v1/locks/a", "400 bad_request");
    await probe.problem("POST /v1/locks/a?wait=61s", "400 validation_failed", ttl);
    const headers = { "If-Match": '"2"' };
    await probe.problem("POST /v1/locks/a", "400 validation_failed", jsonInit({}, headers));
    assert.equal(probe.kv.writes, 0);
  });

  it("is applied once under an idempotency key, refusals included", async () => {
    const first = await probe.ask("POST /v1/locks/a?idempotency_key=1", ttl);
    const again = await probe.ask("POST /v1/locks/a?idempotency_key=1", ttl);
    assert.equal(again.text, first.text);
    assert.equal(again.headers.get("Idempotency-Replayed"), "true");
    const other = "POST /v1/locks/%61?idempotency_key=1";
    assert.equal((await probe.ask(other, ttl)).text, first.text, "it is the same name");
    const line = "POST /v1/locks/a?idempotency_key=2";
    const refused = await probe.problem(line, "423 locked", ttl);
    assert.equal(refused.retryable, false);
    await probe.json("DELETE /v1/locks/a?token=2", 200);
    assert.equal((await probe.problem(line, "423 locked", ttl)).body["detail"], refused.detail);
    await probe.problem("GET /v1/locks/a", "404 lock_not_held");
  });
});

describe("POST /v1/locks/{name} again", () => {
  it("tells nobody of a lock that he has lost meanwhile", async () => {
    for (const [at, wait] of ["", "&wait=1s"].entries()) {
      const line = `POST /v1/locks/a${at}?idempotency_key=${at}${wait}`;
      const { token, lease } = await probe.json(line, 200, ttl);
      await probe.ask(`DELETE /v1/leases/${lease}`);
      const { detail } = await probe.problem(line, "423 locked", ttl);
      assert.match(detail, /^Lock a\d was given when this was first asked for, and has been lost/);
      const other = await probe.json(`POST /v1/locks/a${at}`, 200, ttl);
      const { body, headers, retryable } = await probe.problem(line, "423 locked", ttl);
      assert.equal(headers.get("Idempotency-Replayed"), "true");
      assert.deepEqual([body["holder"]], [{ token: other["token"], lease: other["lease"] }]);
      assert.equal(retryable, false);
      assert.ok(Number(other["token"]) > Number(token));
      await probe.json(`GET /v1/locks/a${at}`, 200);
    }
  });
});

describe("POST /v1/locks/{name} with wait", () => {
  it("may be repeated while it waits, and when it has ended", async () => {
    await probe.json("POST /v1/locks/a", 200, ttl);
    const line = "POST /v1/locks/a?wait=60s&idempotency_key=1";
    const first = await waits(line, ttl);
    const second = await waits(line, ttl);
    await probe.json("DELETE /v1/locks/a?token=2", 200);
    for (const { answer } of [first, second]) {
      const { status, text } = await answer;
      assert.equal(`${status} ${JSON.parse(text).token}`, "200 3");
    }
    const short = "POST /v1/locks/a?wait=20ms&idempotency_key=2";
    await probe.problem(short, "423 locked", ttl);
    const again = await probe.problem(short, "423 locked", ttl);
    assert.equal(again.headers.get("Idempotency-Replayed"), "true");
    await probe.json("DELETE /v1/locks/a?token=3", 200);
    const { detail } = await probe.problem(short, "423 locked", ttl);
    assert.equal(detail, "Lock a was not free, and the place in the line for it is given up");
  });

  it("is answered when the lock is free", async () => {
    await probe.json("POST /v1/locks/a", 200, ttl);
    const { answer } = await waits(
      "POST /v1/locks/a?wait=60s",
      jsonInit({ ttl: "9s", owner: "b" }),
    );
    await probe.json("DELETE /v1/locks/a?token=2", 200);
    const { status, text, headers } = await answer;
    assert.equal(status, 200, text);
    const { token, owner, lease } = JSON.parse(text);
    assert.deepEqual([token, owner, lease], [3, "b", "2"]);
    assert.equal(headers.get("ETag"), '"3"');
    const seen = await probe.json("GET /v1/locks/a", 200);
    assert.deepEqual([seen["token"], seen["waiting"]], [3, 0]);
  });

  it("is refused when the time is over, and has left the line", async () => {
    await probe.json("POST /v1/locks/a", 200, ttl);
    const headers = { "Prefer": "wait=0" };
    const refused = await probe.problem(
      "POST /v1/locks/a",
      "423 locked",
      jsonInit({ ttl: "9s" }, headers),
    );
    assert.deepEqual(refused.body["holder"], { token: 2, lease: "1" });
    const late = await probe.problem("POST /v1/locks/a?wait=20ms", "423 locked", ttl);
    assert.equal(late.outcome, "not_applied");
    assert.equal((await probe.json("GET /v1/locks/a", 200))["waiting"], 0);
  });

  it("counts the waiting neither as time nor among the requests under way", async () => {
    const one = new HttpProbe({
      limits: { ...probe.services.limits, waitingRequestsMax: 1 },
    });
    await one.json("POST /v1/locks/a", 200, ttl);
    const answer = one.ask("POST /v1/locks/a?wait=60s&timeout=200ms", ttl);
    await until(() => one.contests.size > 0, { what: "the request to wait", everyMs: 1 });
    const beganMs = performance.now();
    await until(() => performance.now() > beganMs + 250, { what: "the time-out to pass" });
    await one.json("DELETE /v1/locks/a?token=2", 200);
    assert.equal((await answer).status, 200);
  });

  it("leaves the line when the client goes, and releases what it has got", async () => {
    await probe.json("POST /v1/locks/a", 200, ttl);
    const client = new AbortController();
    const init = { ...ttl, signal: client.signal };
    const { answer } = await waits("POST /v1/locks/a?wait=60s", init);
    assert.equal((await probe.json("GET /v1/locks/a", 200))["waiting"], 1);
    client.abort();
    await answer;
    await until(async () => (await probe.json("GET /v1/locks/a", 200))["waiting"] === 0, {
      what: "the line to be empty",
    });
  });

  it("is 503 when the node shuts down", async () => {
    await probe.json("POST /v1/locks/a", 200, ttl);
    const { answer } = await waits("POST /v1/locks/a?wait=60s", ttl);
    probe.contests.close();
    const { status, text } = await answer;
    assert.equal(status, 503);
    const { code, outcome, retryable } = JSON.parse(text);
    assert.deepEqual([code, outcome, retryable], ["draining", "not_applied", true]);
    assert.equal((await probe.json("GET /v1/locks/a", 200))["waiting"], 0);
  });

  it("is 404 when its lease ends", async () => {
    await probe.json("POST /v1/locks/a", 200, ttl);
    await probe.json("POST /v1/leases", 201, jsonInit({ ttl: "30s", id: "7" }));
    const { answer } = await waits("POST /v1/locks/a?wait=60s", jsonInit({ lease: "7" }));
    await probe.ask("DELETE /v1/leases/7");
    const { status, text } = await answer;
    assert.equal(`${status} ${JSON.parse(text).code}`, "404 lease_not_found");
  });
});

describe("GET and DELETE /v1/locks/{name}", () => {
  it("show and release what is held", async () => {
    await probe.problem("GET /v1/locks/a", "404 lock_not_held");
    await probe.json("POST /v1/locks/a", 200, jsonInit({ ttl: "30s", owner: "me" }));
    const seen = await probe.ask("GET /v1/locks/a");
    assert.equal(
      seen.text,
      '{"name":"a","token":2,"lease":"1","owner":"me","waiting":0,"revision":2}',
    );
    assert.equal(seen.headers.get("ETag"), '"2"');
    assert.equal((await probe.ask("HEAD /v1/locks/a")).status, 200);
    const released = await probe.ask("DELETE /v1/locks/a", { headers: { "If-Match": '"2"' } });
    assert.equal(released.text, '{"name":"a","token":2,"lease":"1","revision":3}');
    await probe.problem("GET /v1/locks/a", "404 lock_not_held");
    await probe.problem("GET /v1/leases/1", "404 lease_not_found");
  });

  it("refuse to release without the holder's token", async () => {
    await probe.problem("DELETE /v1/locks/a?token=2", "404 lock_not_held");
    await probe.json("POST /v1/locks/a", 200, jsonInit({ ttl: "30s", owner: "me" }));
    const missing = await probe.problem("DELETE /v1/locks/a", "400 missing_token");
    assert.equal(missing.outcome, "not_applied");
    const other = await probe.problem("DELETE /v1/locks/a?token=1", "412 precondition_failed");
    assert.equal(other.detail, "Lock a is held by token 2, not by 1");
    assert.deepEqual(other.body["holder"], { token: 2, lease: "1", owner: "me" });
    assert.equal(other.headers.get("ETag"), '"2"');
    for (const tag of ["*", '"1", "2"', '"r2"']) {
      const headers = { "If-Match": tag };
      await probe.problem("DELETE /v1/locks/a", "400 validation_failed", { headers });
    }
    const headers = { "If-Match": '"1"' };
    await probe.problem("DELETE /v1/locks/a?token=2", "400 validation_failed", { headers });
    await probe.problem("DELETE /v1/locks/a?if_match=2", "400 validation_failed");
    await probe.json("GET /v1/locks/a", 200);
  });

  it("are of the present: a past revision is refused", async () => {
    await probe.problem("GET /v1/locks/a?revision=1", "400 validation_failed");
    await probe.problem("GET /v1/locks/a?wait=1s", "400 validation_failed");
  });
});

describe("Locks", () => {
  it("stand in no list, no watch and no lease of a user", async () => {
    await probe.json("POST /v1/leases", 201, jsonInit({ ttl: "30s", id: "7" }));
    const response = await probe.app.fetch(
      new Request("http://127.0.0.1:7400/v1/watch?format=ndjson"),
      {},
    );
    const reader = response.body!.getReader();
    const told = async () => new TextDecoder().decode((await reader.read()).value);
    assert.match(await told(), /"event":"ready"/);
    await probe.json("POST /v1/locks/a", 200, jsonInit({ lease: "7" }));
    await probe.put("k", "1");
    const change = await told();
    assert.match(change, /"revision":3/);
    assert.match(change, /"key":"k"/);
    await reader.cancel();
    const list = await probe.json("GET /v1/kv", 200);
    assert.equal(list["count"], 1);
    assert.equal((await probe.json("GET /v1/kv?count_only", 200))["count"], 1);
    const lease = await probe.json("GET /v1/leases/7?keys", 200);
    assert.deepEqual([lease["keys"], lease["key_count"]], [[], 1]);
    assert.equal((await probe.json("DELETE /v1/kv?all=true", 200))["deleted"], 1);
    await probe.json("GET /v1/locks/a", 200);
  });
});
