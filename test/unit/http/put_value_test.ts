import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HandClock, HttpProbe } from "../../harness/http_probe.ts";
import { ServiceError } from "../../../src/service/errors.ts";

let probe: HttpProbe;

beforeEach(() => {
  probe = new HttpProbe();
});

function text(body: string, headers: HeadersInit = {}): RequestInit {
  return { body, headers };
}

/** A body without a declared length, piece by piece. */
function chunked(pieces: readonly string[]): RequestInit {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(encoder.encode(piece));
      controller.close();
    },
  });
  return { body, duplex: "half" } as RequestInit;
}

describe("PUT /v1/kv/{key}", () => {
  it("is 201 for a new key and 200 for a known one, with its revision as tag", async () => {
    const created = await probe.ask("PUT /v1/kv/a", text("1"));
    assert.equal(created.status, 201);
    assert.deepEqual(JSON.parse(created.text), { key: "a", revision: 2, create: 2, version: 1 });
    assert.equal(created.headers.get("ETag"), '"2"');
    assert.equal(created.headers.get("KV-Revision"), "2");
    assert.equal(created.headers.get("Cache-Control"), "private, no-cache");
    assert.equal(created.headers.has("KV-Consistency"), false);
    const updated = await probe.ask("PUT /v1/kv/a", text("2"));
    assert.equal(updated.status, 200);
    assert.deepEqual(JSON.parse(updated.text), { key: "a", revision: 3, create: 2, version: 2 });
  });

  it("stores the empty value, and any bytes", async () => {
    await probe.put("empty", "");
    assert.equal((await probe.ask("GET /v1/kv/empty")).bytes.length, 0);
    const withoutBody = await probe.ask("PUT /v1/kv/none");
    assert.equal(withoutBody.status, 201);
  });

  it("answers key64 for a key that is not UTF-8", async () => {
    const result = await probe.json("PUT /v1/kv/%00%FF", 201, text("x"));
    assert.deepEqual(result, { key64: "AP8", revision: 2, create: 2, version: 1 });
  });

  it("adds the record before with prev, and the new one with return=representation", async () => {
    const first = await probe.json("PUT /v1/kv/a?prev=true", 201, text("1"));
    assert.equal(first["prev"], null);
    const second = await probe.json("PUT /v1/kv/a?prev", 200, text("2"));
    assert.deepEqual(second["prev"], {
      key: "a",
      value: "1",
      create: 2,
      mod: 2,
      version: 1,
      content_type: "application/octet-stream",
    });
    const full = {
      key: "a",
      revision: 4,
      create: 2,
      version: 3,
      value: "3",
      mod: 4,
      content_type: "text/x",
    };
    assert.deepEqual(
      await probe.json(
        "PUT /v1/kv/a?return=representation",
        200,
        text("3", {
          "Content-Type": "text/x",
        }),
      ),
      full,
    );
    const preferred = await probe.ask(
      "PUT /v1/kv/a",
      text("4", {
        Prefer: "respond-async, return=representation",
      }),
    );
    assert.equal(JSON.parse(preferred.text).value, "4");
    assert.equal(preferred.headers.get("Preference-Applied"), "return=representation");
    const minimal = await probe.ask("PUT /v1/kv/a?return=minimal", text("5"));
    assert.deepEqual(Object.keys(JSON.parse(minimal.text)), [
      "key",
      "revision",
      "create",
      "version",
    ]);
  });
});

describe("the media type of a value", () => {
  async function stored(headers: HeadersInit, query = ""): Promise<string | null> {
    await probe.ask(`PUT /v1/kv/a${query}`, { body: Uint8Array.of(1), headers });
    return (await probe.ask("GET /v1/kv/a")).headers.get("Content-Type");
  }

  it("is stored and given back as it was sent", async () => {
    assert.equal(await stored({ "Content-Type": "image/png" }), "image/png");
    assert.equal(
      await stored({ "Content-Type": 'text/plain; charset="utf-8"' }),
      'text/plain; charset="utf-8"',
    );
    assert.equal(await stored({}, "?content_type=text/css"), "text/css");
  });

  it("is application/octet-stream without one, and for the form type that curl sends", async () => {
    assert.equal(await stored({}), "application/octet-stream");
    const form = "application/x-www-form-urlencoded";
    assert.equal(await stored({ "Content-Type": form }), "application/octet-stream");
    assert.equal(
      await stored({ "Content-Type": `${form}; charset=utf-8` }),
      "application/octet-stream",
    );
    assert.equal(await stored({ "Content-Type": form }, "?content_type=text/css"), "text/css");
    assert.equal(probe.kv.lastWrite?.operation.kind, "put");
    await stored({});
    assert.equal("mediaType" in probe.kv.lastWrite!.operation, false);
  });

  it("is refused when it is none, when it would split a header, and when two contradict", async () => {
    for (const bad of ["text", "text/", "/x", "a b/c", "text/plain%0d%0aX: y", "te%C3%A9xt/p"]) {
      await probe.problem(`PUT /v1/kv/a?content_type=${bad}`, "400 validation_failed", text("x"));
    }
    const long = `text/${"x".repeat(260)}`;
    await probe.problem(`PUT /v1/kv/a?content_type=${long}`, "400 validation_failed", text("x"));
    await probe.problem(
      "PUT /v1/kv/a?content_type=text/css",
      "400 validation_failed",
      text("x", { "Content-Type": "text/html" }),
    );
    assert.equal(
      (await probe.ask(
        "PUT /v1/kv/a?content_type=text/css",
        text("x", {
          "Content-Type": "text/css",
        }),
      )).status,
      201,
    );
  });

  it("a content coding is 415 and names what to send", async () => {
    const refused = await probe.problem(
      "PUT /v1/kv/a",
      "415 unsupported_media_type",
      text("x", { "Content-Encoding": "gzip" }),
    );
    assert.match(refused.detail, /Content-Encoding is "gzip"/);
    assert.equal(refused.headers.get("Accept-Encoding"), "identity");
    assert.equal(refused.outcome, "not_applied");
    const plain = await probe.ask("PUT /v1/kv/a", text("x", { "Content-Encoding": "identity" }));
    assert.equal(plain.status, 201);
    assert.equal(probe.kv.writes, 1);
  });
});

describe("conditions of a write", () => {
  it("If-None-Match: * creates only", async () => {
    const once = { headers: { "If-None-Match": "*" }, body: "1" };
    assert.equal((await probe.ask("PUT /v1/kv/a", once)).status, 201);
    const refused = await probe.problem("PUT /v1/kv/a", "412 precondition_failed", once);
    assert.equal(refused.detail, "a is at revision 2, If-None-Match wanted no such key");
    assert.equal(refused.outcome, "not_applied");
    assert.equal(refused.retryable, false);
    assert.equal(refused.headers.get("ETag"), '"2"');
    assert.equal(refused.headers.get("KV-Revision"), "2");
    assert.equal(probe.kv.store.revision, 2);
  });

  it("If-Match with a tag is compare-and-set, in every form", async () => {
    let revision = await probe.put("a", "0");
    const forms = (mod: number): readonly string[] => [
      `"${mod}"`,
      `${mod}`,
      `W/"${mod}"`,
      `"${mod}.r"`,
      `"1", "${mod}"`,
      "*",
    ];
    for (let i = 0; i < 6; i++) {
      const form = forms(revision)[i]!;
      const answer = await probe.ask("PUT /v1/kv/a", { headers: { "If-Match": form }, body: "x" });
      assert.equal(answer.status, 200, form);
      revision = JSON.parse(answer.text).revision;
    }
    const stale = { headers: { "If-Match": '"2"' }, body: "x" };
    await probe.problem("PUT /v1/kv/a", "412 precondition_failed", stale);
    await probe.problem("PUT /v1/kv/a?if_match=2", "412 precondition_failed", { body: "x" });
  });

  it('If-Match: * updates only, and "0" creates only', async () => {
    const update = { headers: { "If-Match": "*" }, body: "1" };
    const refused = await probe.problem("PUT /v1/kv/a", "412 precondition_failed", update);
    assert.equal(refused.detail, "a does not exist, If-Match wanted any revision");
    assert.equal(refused.body["current"], null);
    assert.equal(refused.headers.get("ETag"), '"0"');
    const create = { headers: { "If-Match": '"0"' }, body: "1" };
    assert.equal((await probe.ask("PUT /v1/kv/a", create)).status, 201);
    await probe.problem("PUT /v1/kv/a", "412 precondition_failed", create);
  });

  it("If-None-Match with a tag writes unless the key is there", async () => {
    await probe.put("a", "1");
    await probe.problem("PUT /v1/kv/a?if_none_match=2", "412 precondition_failed", text("x"));
    assert.equal((await probe.ask("PUT /v1/kv/a?if_none_match=7", text("x"))).status, 200);
  });

  it("the current record comes along, its value up to 64 KiB", async () => {
    for (const [bytes, there] of [[65_536, true], [65_537, false]] as const) {
      await probe.put("big", "v".repeat(bytes));
      const refused = await probe.problem("PUT /v1/kv/big?if_match=1", "412 precondition_failed", {
        body: "x",
      });
      const current = refused.body["current"];
      assert.ok(typeof current === "object" && current !== null);
      assert.equal("value" in current, there);
      assert.equal("mod" in current, true);
    }
    await probe.put("bin", Uint8Array.of(0xff));
    const refused = await probe.problem("PUT /v1/kv/bin?if_match=1", "412 precondition_failed", {
      body: "x",
    });
    assert.equal(Object(refused.body["current"]).value64, "_w");
  });

  it("what cannot be judged is refused, never ignored", async () => {
    for (const bad of ["x", "", '"a"', "r2", '"2" "3"']) {
      for (const header of ["If-Match", "If-None-Match"]) {
        await probe.problem("PUT /v1/kv/a", "400 validation_failed", text("x", { [header]: bad }));
        await probe.problem("DELETE /v1/kv/a", "400 validation_failed", {
          headers: { [header]: bad },
        });
      }
    }
    await probe.problem(
      "PUT /v1/kv/a",
      "400 bad_request",
      text("x", { "If-Unmodified-Since": "Fri, 20 Nov 2026 12:00:00 GMT" }),
    );
    await probe.problem(
      "PUT /v1/kv/a",
      "400 bad_request",
      text("x", { "Content-Range": "bytes 0-0/5" }),
    );
    await probe.problem(
      "PUT /v1/kv/a",
      "400 validation_failed",
      text("x", { "If-Match": "*", "If-None-Match": "*" }),
    );
    assert.equal(probe.kv.writes, 0);
  });

  it("header and query must say the same", async () => {
    const init = text("x", { "If-Match": '"0"' });
    await probe.problem("PUT /v1/kv/a?if_match=3", "400 validation_failed", init);
    assert.equal((await probe.ask('PUT /v1/kv/a?if_match="0"', init)).status, 201);
    assert.equal(probe.kv.writes, 1);
  });
});

describe("options of later versions", () => {
  it("are refused by name, as query and as header", async () => {
    for (const option of ["ttl=30s", "lease=5", "idempotency_key=x"]) {
      const refused = await probe.problem(`PUT /v1/kv/a?${option}`, "400 validation_failed", {
        body: "x",
      });
      assert.match(refused.detail, /is not available in this version$/);
    }
    const keyed = text("x", { "Idempotency-Key": "k" });
    const refused = await probe.problem("PUT /v1/kv/a", "400 validation_failed", keyed);
    assert.equal(refused.detail, "Idempotency-Key is not available in this version");
    const polled = { headers: { Prefer: "wait=30" } };
    await probe.problem("GET /v1/kv/a", "400 validation_failed", polled);
    await probe.problem("GET /v1/kv/a?wait=30s", "400 validation_failed");
    await probe.problem("DELETE /v1/kv/a", "400 validation_failed", {
      headers: { "Idempotency-Key": "k" },
    });
    assert.equal(probe.kv.writes + probe.kv.reads, 0);
  });
});

describe("limits of a body", () => {
  const limits = { valueBytesMax: 10, requestBytesMax: 20, waitingRequestsMax: 100 };

  it("a value may have the limit and not one byte more, declared or not", async () => {
    probe = new HttpProbe({ limits });
    const exact = text("0123456789", { "Content-Length": "10" });
    assert.equal((await probe.ask("PUT /v1/kv/a", exact)).status, 201);
    assert.equal((await probe.ask("PUT /v1/kv/a", chunked(["01234", "56789"]))).status, 200);
    assert.equal((await probe.ask("GET /v1/kv/a")).text, "0123456789");
    for (
      const init of [
        text("0123456789x", { "Content-Length": "11" }),
        text("0123456789x"),
        chunked(["0123456789", "x"]),
      ]
    ) {
      const refused = await probe.problem("PUT /v1/kv/a", "413 value_too_large", init);
      assert.equal(refused.outcome, "not_applied");
      assert.equal(refused.headers.get("Connection"), "close");
      assert.match(refused.detail, /11 bytes.*allowed are 10/);
    }
    assert.equal(probe.kv.writes, 2);
  });

  it("an endless body is cut off while it arrives", async () => {
    probe = new HttpProbe({ limits });
    let pulled = 0;
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(4));
      },
      cancel() {
        cancelled = true;
      },
    });
    const init = { body, duplex: "half" } as RequestInit;
    await probe.problem("PUT /v1/kv/a", "413 value_too_large", init);
    assert.ok(pulled < 10, `${pulled} pieces were read`);
    assert.ok(cancelled);
  });

  it("a length that is no number, or not the body's, is 400", async () => {
    for (const length of ["abc", "-1", "1.5", "5, 6", "99999999999999999999"]) {
      const init = text("01234", { "Content-Length": length });
      await probe.problem("PUT /v1/kv/a", "400 bad_request", init);
    }
    const short = text("0123", { "Content-Length": "5" });
    const refused = await probe.problem("PUT /v1/kv/a", "400 bad_request", short);
    assert.match(refused.detail, /Content-Length is 5, the body has 4 bytes/);
    assert.equal(probe.kv.writes, 0);
  });

  it("a body that breaks off is 400 and stores nothing", async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(Uint8Array.of(1));
        controller.error(new Error("reset"));
      },
    });
    const init = { body, duplex: "half" } as RequestInit;
    const refused = await probe.problem("PUT /v1/kv/a", "400 bad_request", init);
    assert.equal(refused.outcome, "not_applied");
    assert.equal(probe.kv.writes, 0);
  });

  it("a body that does not come in time is 408 and stores nothing", async () => {
    const clock = new HandClock();
    probe = new HttpProbe({ clock });
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(Uint8Array.of(1));
      },
    });
    const init = { body, duplex: "half" } as RequestInit;
    const asked = probe.problem("PUT /v1/kv/a?timeout=3s", "408 request_timeout", init);
    while (clock.timers === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    clock.advance(2999);
    assert.equal(clock.timers, 1);
    clock.advance(1);
    const refused = await asked;
    assert.equal(refused.outcome, "not_applied");
    assert.equal(refused.retryable, true);
    assert.equal(refused.headers.get("Connection"), "close");
    assert.equal(probe.kv.writes, 0);
  });

  it("the time the body took is taken from the service's", async () => {
    const clock = new HandClock();
    probe = new HttpProbe({ clock });
    let finish = (): void => {};
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        finish = () => controller.close();
      },
    });
    const asked = probe.ask("PUT /v1/kv/a?timeout=3s", { body, duplex: "half" } as RequestInit);
    while (clock.timers === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    clock.advance(1000);
    finish();
    assert.equal((await asked).status, 201);
    assert.equal(probe.kv.lastWrite?.options.timeoutMs, 2000);
    assert.equal(clock.timers, 0);
  });
});

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

  it("is not_applied when apply refused the command", async () => {
    probe.kv.store.apply = () => ({ kind: "refused", revision: 1, reason: "No such feature" });
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
