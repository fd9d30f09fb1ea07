import { ByteBudget } from "../../../src/lib/byte_budget.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { assert, beforeEach, describe, it } from "../../harness/test.ts";

const kibi = 1024;

describe("memory for answers", () => {
  let probe: HttpProbe;
  /** Answers that have not left yet. */
  let leaving: (() => void)[] = [];

  beforeEach(async () => {
    leaving = [];
    probe = new HttpProbe({ memory: new ByteBudget(150 * kibi) });
    await probe.put("large", new Uint8Array(80 * kibi).fill(97));
    await probe.put("small", new Uint8Array(kibi));
    probe.bindings = {
      connection: {
        remoteAddress: "127.0.0.1:1",
        onAnswered: (handler) => void leaving.push(handler),
        keepOpen: () => {},
      },
    };
  });

  it("is held until the answer has left; a read that finds no room is overloaded", async () => {
    assert.equal((await probe.ask("GET /v1/kv/large")).status, 200);
    for (const line of ["GET /v1/kv/large", "GET /v1/kv?prefix=l", "GET /v1/kv?key=large"]) {
      const refused = await probe.problem(line, "429 overloaded");
      assert.equal(refused.retryable, true);
      assert.equal(refused.headers.get("Retry-After"), "1");
      assert.match(refused.detail, /have 81920 bytes, allowed are 153600/);
    }
    assert.equal(leaving.length, 1);
    for (const left of leaving) left();
    assert.equal((await probe.ask("GET /v1/kv?prefix=l")).status, 200);
  });

  it("keeps nobody from writing, nor from what is small", async () => {
    await probe.ask("GET /v1/kv/large");
    assert.ok(await probe.put("other", new Uint8Array(140 * kibi)) > 0);
    assert.equal((await probe.ask("GET /v1/kv/small")).status, 200);
    assert.equal((await probe.ask("HEAD /v1/kv/large")).status, 200);
    assert.equal((await probe.ask("GET /v1/kv/none")).status, 404);
    assert.equal(leaving.length, 1);
  });

  it("says of a write whose answer finds no room that it is applied", async () => {
    await probe.ask("GET /v1/kv/large");
    const { revision } = probe.kv.store;
    const line = "DELETE /v1/kv/large?prev=true";
    const { outcome, retryable, headers } = await probe.problem(line, "429 overloaded");
    assert.equal(probe.kv.store.revision, revision + 1);
    assert.deepEqual({ outcome, retryable }, { outcome: "applied", retryable: false });
    assert.equal(headers.has("Retry-After"), false);
  });
});
