import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HandClock, HttpProbe } from "../../harness/http_probe.ts";
import { until } from "../../harness/wait.ts";

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

  it("an endless body is taken in for 64 MiB, so that its sender reads why", async () => {
    probe = new HttpProbe({ limits });
    const piece = new Uint8Array(1024 * 1024);
    let pulled = 0;
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(piece);
      },
      cancel() {
        cancelled = true;
      },
    });
    const init = { body, duplex: "half" } as RequestInit;
    await probe.problem("PUT /v1/kv/a", "413 value_too_large", init);
    assert.ok(pulled > 60 && pulled < 70, `${pulled} pieces were read`);
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
    await until(() => clock.timers > 0, { what: "the body to be waited for" });
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
    await until(() => clock.timers > 0, { what: "the body to be waited for" });
    clock.advance(1000);
    finish();
    assert.equal((await asked).status, 201);
    assert.equal(probe.kv.lastWrite?.options.timeoutMs, 2000);
    assert.equal(clock.timers, 0);
  });
});
