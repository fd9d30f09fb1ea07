import { ByteBudget } from "../../../src/lib/byte_budget.ts";
import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { HandClock, HttpProbe } from "../../harness/http_probe.ts";
import { standstill, until } from "../../harness/wait.ts";

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

describe("memory for bodies", () => {
  const kibi = 1024;
  const overloaded = "429 overloaded";

  /** A body of which the test decides when its pieces come. */
  function slow(): { readonly init: RequestInit; piece(bytes: number): void; end(): void } {
    let controller: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({ start: (made) => void (controller = made) });
    return {
      init: { body, duplex: "half" } as RequestInit,
      piece: (bytes) => controller.enqueue(new Uint8Array(bytes)),
      end: () => controller.close(),
    };
  }

  it("is taken for what has come, and given back with the answer", async () => {
    const memory = new ByteBudget(100 * kibi);
    probe = new HttpProbe({ memory });
    const first = slow();
    const asked = probe.ask("PUT /v1/kv/a", first.init);
    first.piece(60 * kibi);
    await until(() => memory.heldBytes === 60 * kibi, { what: "the first piece" });
    const second = slow();
    const refused = probe.problem("PUT /v1/kv/b", overloaded, second.init);
    second.piece(30 * kibi);
    await until(() => memory.heldBytes === 90 * kibi, { what: "the second's piece" });
    second.piece(30 * kibi);
    second.end();
    const { outcome, retryable, headers, detail } = await refused;
    assert.equal(outcome, "not_applied");
    assert.equal(retryable, true);
    assert.equal(headers.get("Retry-After"), "1");
    assert.equal(headers.get("Connection"), "close");
    assert.match(detail, /allowed are 102400/);
    assert.equal(memory.heldBytes, 60 * kibi);
    first.piece(40 * kibi);
    first.end();
    assert.equal((await asked).status, 201);
    assert.equal(memory.heldBytes, 0);
    assert.equal(probe.kv.writes, 1);
  });

  it("is refused before a byte is read where the declared length does not fit", async () => {
    const memory = new ByteBudget(100 * kibi);
    probe = new HttpProbe({ memory });
    memory.take(90 * kibi);
    for (const bytes of [11 * kibi, 50 * kibi]) {
      let pulled = 0;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          pulled += 1;
          controller.enqueue(new Uint8Array(kibi));
        },
      }, { highWaterMark: 0 });
      const headers = { "Content-Length": String(bytes) };
      const init = { body, headers, duplex: "half" } as RequestInit;
      const refused = await probe.problem("PUT /v1/kv/a", overloaded, init);
      assert.equal(refused.headers.has("Connection"), false, "the connection serves on");
      assert.equal(pulled, 0);
    }
    assert.ok((await probe.ask("PUT /v1/kv/a", { body: new Uint8Array(10 * kibi) })).status < 300);
  });

  it("cannot be had by promising: a declared length alone holds nothing", async () => {
    const memory = new ByteBudget(100 * kibi);
    probe = new HttpProbe({ memory });
    const silent = Array.from({ length: 10 }, () => {
      const body = slow();
      const headers = { "Content-Length": String(90 * kibi) };
      return { ...body, answer: probe.ask("PUT /v1/kv/a", { ...body.init, headers }) };
    });
    const body = new Uint8Array(90 * kibi);
    assert.ok((await probe.ask("PUT /v1/kv/b", { body })).status < 300);
    for (const { end } of silent) end();
    for (const { answer } of silent) assert.equal((await answer).status, 400);
    assert.equal(memory.heldBytes, 0);
  });

  it("is held until the store has answered", async () => {
    const memory = new ByteBudget(100 * kibi);
    probe = new HttpProbe({ memory });
    let release = (): void => {};
    const held = new Promise<void>((resolve) => release = resolve);
    probe.kv.before = () => held;
    const headers = { "Content-Length": "1024" };
    const asked = probe.ask("PUT /v1/kv/a", { body: new Uint8Array(kibi), headers });
    await until(() => probe.kv.writes === 1, { what: "the write to wait" });
    assert.equal(memory.heldBytes, kibi);
    release();
    await asked;
    assert.equal(memory.heldBytes, 0);
  });

  it("is given back after every failure, and nothing is kept behind it", async () => {
    const memory = new ByteBudget(100 * kibi);
    const clock = new HandClock();
    const limits = { valueBytesMax: 50 * kibi, requestBytesMax: 10, waitingRequestsMax: 10 };
    probe = new HttpProbe({ memory, clock, limits });
    const broken = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new Uint8Array(kibi));
        controller.error(new Error("reset"));
      },
    });
    const brokenInit = { body: broken, duplex: "half" } as RequestInit;
    await probe.problem("PUT /v1/kv/a", "400 bad_request", brokenInit);
    assert.equal(memory.heldBytes, 0);

    const large = slow();
    const tooLarge = probe.problem("PUT /v1/kv/a", "413 value_too_large", large.init);
    large.piece(51 * kibi);
    large.end();
    await tooLarge;
    assert.equal(memory.heldBytes, 0);

    let cancelled = false;
    let send: ((bytes: number) => void) | undefined;
    const late = new ReadableStream<Uint8Array>({
      start(controller) {
        send = (bytes) => controller.enqueue(new Uint8Array(bytes));
      },
      cancel() {
        cancelled = true;
      },
    });
    const lateInit = { body: late, duplex: "half" } as RequestInit;
    const timedOut = probe.problem("PUT /v1/kv/a", "408 request_timeout", lateInit);
    send?.(kibi);
    await until(() => memory.heldBytes === kibi, { what: "the first piece" });
    clock.advance(5_000);
    await timedOut;
    assert.equal(memory.heldBytes, 0);
    assert.equal(cancelled, true);
    assert.equal(probe.kv.writes, 0);
  });

  it("is not needed for a refused body, which is taken in only while its time lasts", async () => {
    const clock = new HandClock();
    probe = new HttpProbe({ clock });
    const endless = slow();
    const headers = { "Content-Length": String(100 * 1024 * kibi) };
    const init = { ...endless.init, headers };
    const refused = probe.problem("PUT /v1/kv/a", "413 value_too_large", init);
    let answered = false;
    void refused.then(() => answered = true);
    // A byte now and then, each before the pause that would end it.
    for (let n = 0; n < 60 && !answered; n++) {
      await until(() => clock.timers > 0 || answered, { what: "a piece to be waited for" });
      clock.advance(100);
      endless.piece(1);
      await standstill();
    }
    assert.equal(answered, true);
    await refused;
  });
});
