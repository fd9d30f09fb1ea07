import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { ServiceError } from "../../../src/service/errors.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

function text(body: string, headers: HeadersInit = {}): RequestInit {
  return { body, headers };
}

describe("the outcome of a failed write", () => {
  it("is the service's word where it gives one", async () => {
    probe.kv.before = () => {
      throw new ServiceError("overloaded", "Too much", { outcome: "not_applied", retryable: true });
    };
    const refused = await probe.problem("PUT /v1/kv/a", "429 overloaded", text("x"));
    assert.equal(refused.outcome, "not_applied");
    assert.equal(refused.headers.get("Retry-After"), "1");
  });

  it("is unknown when the service broke, whether or not it was applied", async () => {
    probe.kv.after = () => {
      throw new Error("lost");
    };
    const lost = await probe.problem("PUT /v1/kv/a", "500 internal", text("x"));
    assert.equal(lost.outcome, "unknown");
    assert.equal(lost.retryable, false);
    const deleted = await probe.problem("DELETE /v1/kv/a", "500 internal");
    assert.equal(deleted.outcome, "unknown");
  });

  it("is unknown where the service names none", async () => {
    probe.kv.before = () => {
      throw new ServiceError("timeout", "Not in time");
    };
    const late = await probe.problem("PUT /v1/kv/a", "504 timeout", text("x"));
    assert.equal(late.outcome, "unknown");
  });

  it("unknown names no time for a repetition", async () => {
    for (const code of ["leader_changed", "overloaded"] as const) {
      probe.kv.before = () => {
        throw new ServiceError(code, "It broke", { outcome: "unknown", retryAfterMs: 1000 });
      };
      const wanted = code === "overloaded" ? "429 overloaded" : "503 leader_changed";
      const lost = await probe.problem("PUT /v1/kv/a", wanted, text("x"));
      assert.equal(lost.headers.get("Retry-After"), null);
      const read = await probe.problem("GET /v1/kv/a", wanted);
      assert.equal(read.headers.get("Retry-After"), "1");
    }
  });

  it("is not_applied when apply refused the command", async () => {
    probe.kv.store.apply = () => ({
      ...{ kind: "rejected", revision: 1, code: "bad_request", reason: "no such feature" },
    });
    const refused = await probe.problem("PUT /v1/kv/a", "400 bad_request", text("x"));
    assert.equal(refused.outcome, "not_applied");
    assert.equal(refused.detail, "No such feature");
  });

  it("is applied when only the answer failed", async () => {
    probe.kv.write = () =>
      Promise.resolve({
        // A result that cannot be told: the write is done all the same.
        result: { kind: "delete", revision: 2, deleted: 1, more: false, prev: [] },
        header: probe.kv.header(),
      });
    const failed = await probe.problem("PUT /v1/kv/a", "500 internal", text("x"));
    assert.equal(failed.outcome, "applied");
  });
});
