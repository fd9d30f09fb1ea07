/** Elections over HTTP. */

import { HttpProbe, jsonInit } from "../../harness/http_probe.ts";
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

function campaigning(value: string): RequestInit {
  return jsonInit({ ttl: "30s", value });
}

describe("/v1/elections/{name}", () => {
  it("has one leader at a time, which all can see", async () => {
    await probe.problem("GET /v1/elections/e", "404 election_vacant");
    const elected = await probe.ask("POST /v1/elections/e", campaigning("http://a"));
    assert.equal(elected.text, '{"name":"e","token":2,"lease":"1","revision":2}');
    const seen = await probe.ask("GET /v1/elections/e");
    assert.equal(
      seen.text,
      '{"name":"e","token":2,"lease":"1","value":"http://a","mod":2,"waiting":0,"revision":2}',
    );
    const other = await probe.problem(
      "POST /v1/elections/e",
      "423 not_elected",
      campaigning("http://b"),
    );
    assert.deepEqual(other.body["holder"], { token: 2, lease: "1", value: "http://a" });
    assert.equal(other.headers.get("Retry-After"), "1");
    assert.equal(other.detail, "Election e is led by token 2");
    await probe.problem("GET /v1/locks/e", "404 lock_not_held");
  });

  it("passes on to who waits when the leader resigns", async () => {
    await probe.json("POST /v1/elections/e", 200, campaigning("a"));
    const answer = probe.json("POST /v1/elections/e?wait=60s", 200, campaigning("b"));
    await until(() => probe.contests.size > 0, { what: "the campaign to wait", everyMs: 1 });
    assert.equal((await probe.json("GET /v1/elections/e", 200))["waiting"], 1);
    const left = await probe.json("DELETE /v1/elections/e?token=2", 200);
    assert.deepEqual([left["token"], left["lease"]], [2, "1"]);
    assert.equal((await answer)["token"], 3);
    assert.equal((await probe.json("GET /v1/elections/e", 200))["value"], "b");
  });

  it("lets the leader alone say something else", async () => {
    await probe.problem(
      "PUT /v1/elections/e?token=2",
      "404 election_vacant",
      jsonInit({
        value: "x",
      }),
    );
    await probe.json("POST /v1/elections/e", 200, campaigning("a"));
    const headers = { "If-Match": '"2"' };
    const said = await probe.json("PUT /v1/elections/e", 200, jsonInit({ value64: "_w" }, headers));
    assert.deepEqual([said["token"], said["revision"]], [2, 3]);
    const seen = await probe.json("GET /v1/elections/e", 200);
    assert.deepEqual([seen["value64"], seen["mod"], seen["token"]], ["_w", 3, 2]);
    await probe.problem("PUT /v1/elections/e", "400 missing_token", jsonInit({ value: "x" }));
    const other = await probe.problem(
      "PUT /v1/elections/e?token=3",
      "412 precondition_failed",
      jsonInit({ value: "x" }),
    );
    assert.deepEqual(other.body["holder"], { token: 2, lease: "1", value64: "_w" });
    await probe.problem("DELETE /v1/elections/e", "400 missing_token");
    await probe.problem("DELETE /v1/elections/e?token=3", "412 precondition_failed");
  });

  it("takes a value of up to 64 KiB, or none", async () => {
    const long = "x".repeat(64 * 1_024);
    await probe.json("POST /v1/elections/e", 200, campaigning(long));
    await probe.problem("POST /v1/elections/f", "413 value_too_large", campaigning(`${long}x`));
    await probe.problem(
      "PUT /v1/elections/e?token=2",
      "413 value_too_large",
      jsonInit({
        value: `${long}x`,
      }),
    );
    await probe.json("POST /v1/elections/f", 200, jsonInit({ ttl: "1s" }));
    assert.equal((await probe.json("GET /v1/elections/f", 200))["value"], "");
    await probe.problem("PUT /v1/elections/e?token=2", "400 validation_failed", jsonInit({}));
    const both = { ttl: "1s", value: "", value64: "" };
    await probe.problem("POST /v1/elections/f", "400 validation_failed", jsonInit(both));
  });

  it("answers a repeated refusal without what the leader said, where that is long", async () => {
    await probe.json("POST /v1/elections/e", 200, campaigning("x".repeat(2_000)));
    const line = "POST /v1/elections/e?idempotency_key=1";
    const first = await probe.problem(line, "423 not_elected", campaigning("b"));
    assert.ok("value" in Object(first.body["holder"]));
    const again = await probe.problem(line, "423 not_elected", campaigning("b"));
    assert.deepEqual(again.body["holder"], { token: 2, lease: "1" });
  });
});

describe("GET /v1/elections/{name}/observe", () => {
  it("tells the present leader, each new one, and each new value", async () => {
    const reader = await probe.follow("/v1/elections/e/observe");
    assert.deepEqual(await reader.shown(1), ['vacant - {"name":"e","revision":1}']);
    await probe.json("POST /v1/elections/e", 200, campaigning("a"));
    const leader = (more: string) => `leader - {"name":"e",${more}}`;
    assert.deepEqual(await reader.shown(1), [
      leader('"token":2,"lease":"1","value":"a","mod":2,"revision":2'),
    ]);
    await probe.put("k", "1");
    await probe.json("PUT /v1/elections/e?token=2", 200, jsonInit({ value: "b" }));
    assert.deepEqual(await reader.shown(1), [
      leader('"token":2,"lease":"1","value":"b","mod":4,"revision":4'),
    ]);
    await probe.json("DELETE /v1/elections/e?token=2", 200);
    assert.deepEqual(await reader.shown(1), ['vacant - {"name":"e","revision":5}']);
    const late = await probe.follow("/v1/elections/e/observe?format=ndjson");
    assert.deepEqual(await late.shown(1), ['vacant - {"name":"e","revision":5}']);
    const ended = [reader, late].map((each) => each.shown(2));
    probe.contests.close();
    assert.deepEqual(await Promise.all(ended), Array(2).fill(["closing - {}", "end"]));
    await probe.leave();
    await probe.problem("GET /v1/elections/e/observe", "503 draining");
  });

  it("ends when the client goes", async () => {
    const reader = await probe.follow("/v1/elections/e/observe");
    await reader.shown(1);
    assert.equal(probe.watches.size, 1, "it has a place among the watches");
    await reader.close();
    assert.equal(probe.watches.size, 0);
    assert.equal((await probe.ask("HEAD /v1/elections/e/observe")).status, 200);
  });
});
