import { after, assert, before, beforeEach, describe, it } from "../harness/test.ts";
import { HttpProbe } from "../harness/http_probe.ts";
import { exchangeOn, type RawAnswer, RawConnection } from "../harness/raw_connection.ts";
import { currentRuntime } from "../harness/runtime.ts";
import type { HttpServer } from "../../src/runtime/mod.ts";
import { utf8 } from "../../src/lib/bytes.ts";

const valueBytesMax = 64 * 1024;
let server: HttpServer;
let probe: HttpProbe;

before(async () => {
  const runtime = await currentRuntime();
  server = await runtime.serveHttp({
    hostname: "127.0.0.1",
    port: 0,
    // The application counts for itself.
    requestBytesMax: Number.MAX_SAFE_INTEGER,
    fetch: (request) => probe.app.fetch(request, {}),
    onError: () => new Response(null, { status: 500 }),
  });
});

after(() => server.close(0));

beforeEach(() => {
  const limits = { valueBytesMax, requestBytesMax: valueBytesMax, waitingRequestsMax: 100 };
  probe = new HttpProbe({ limits });
});

const host = "Host: 127.0.0.1\r\n";

function exchange(request: string | Uint8Array): Promise<RawAnswer> {
  return exchangeOn(server.port, request);
}

function code(body: string): string {
  return JSON.parse(body).code;
}

describe("keys in the target of a real request", () => {
  async function keyOf(target: string | Uint8Array): Promise<string> {
    const bytes = typeof target === "string" ? utf8(target) : target;
    const parts = [utf8("PUT "), bytes, utf8(` HTTP/1.1\r\n${host}Content-Length: 1\r\n\r\nx`)];
    const { status, body } = await exchange(Buffer.concat(parts));
    if (status >= 400) return body === "" ? `${status} ` : `${status} ${code(body)}`;
    const { operation } = probe.kv.lastWrite!;
    assert.ok(operation.kind === "put");
    return Buffer.from(operation.key).toString("latin1");
  }

  it("arrive byte by byte: escapes decoded once, slashes and plus kept", async () => {
    assert.equal(await keyOf("/v1/kv/a%2Fb%FF%00"), "a/b\xff\0");
    assert.equal(await keyOf("/v1/kv//a//b/"), "/a//b/");
    assert.equal(await keyOf("/v1/kv/a+b%2Bc%252F"), "a+b+c%2F");
    assert.equal(await keyOf('/v1/kv/"<>{}|^`'), '"<>{}|^`');
    assert.equal(await keyOf("/v1/kv/;a=b,c:d@e!$&'()*"), ";a=b,c:d@e!$&'()*");
    assert.equal(await keyOf("/v1/kv/é"), "\xc3\xa9");
    assert.equal(await keyOf("/v1/kv/%zz"), "400 bad_request");
    assert.equal(await keyOf("/v1/kv/"), "400 bad_request");
  });

  it("with dot segments never name another key in silence where they can be seen", async () => {
    // Bun folds them as the URL standard says, before the application sees them.
    const folded: Readonly<Record<string, string>> = {
      "a/../b": "b",
      "a/./b": "a/b",
      "a\\b": "a/b",
    };
    const { name } = await currentRuntime();
    for (const [sent, key] of Object.entries(folded)) {
      assert.equal(await keyOf(`/v1/kv/${sent}`), name === "bun" ? key : "400 bad_request");
    }
    assert.equal(await keyOf("/v1/kv64/YS8uLi9i"), "a/../b");
    assert.equal(await keyOf("/v1/kv/a..b/.c/d."), "a..b/.c/d.");
  });

  it("that are no UTF-8 are refused, in path and query, and never become another key", async () => {
    // Deno refuses such a target itself, Bun hands U+FFFD on in its place.
    const raw = Buffer.from("/v1/kv/k\xff", "latin1");
    assert.match(await keyOf(raw), /^400 /);
    assert.equal(await keyOf("/v1/kv/k\uFFFD"), "400 bad_request");
    const line = Buffer.from("DELETE /v1/kv?prefix=k\xff HTTP/1.1\r\n", "latin1");
    const removed = await exchange(Buffer.concat([line, utf8(`${host}\r\n`)]));
    assert.equal(removed.status, 400);
    assert.equal(probe.kv.writes, 0);
    assert.equal(await keyOf("/v1/kv/k%FF"), "k\xff");
    assert.equal(await keyOf("/v1/kv/k%ef%bf%bd"), "k\xef\xbf\xbd");
  });

  it("may be as long as a key may be", async () => {
    assert.equal(await keyOf(`/v1/kv/${"k".repeat(8192)}`), "k".repeat(8192));
    assert.equal(await keyOf(`/v1/kv/${"k".repeat(8193)}`), "414 key_too_long");
  });
});

describe("the host of a real request", () => {
  it("is told by the Host header; HTTP/1.0 may name none", async () => {
    const evil = await exchange("GET /v1/kv/a HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert.equal(`${evil.status} ${code(evil.body)}`, "421 wrong_host");
    const named = await exchange("GET /livez HTTP/1.1\r\nHost: localhost:7400\r\n\r\n");
    assert.equal(named.status, 200);
    const old = await exchange("GET /livez HTTP/1.0\r\n\r\n");
    assert.equal(old.status, 200);
  });
});

describe("bodies of real requests", () => {
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
  const chunked = "Transfer-Encoding: chunked\r\n\r\n";

  it("in chunks are stored whole", async () => {
    const request = `PUT /v1/kv/c HTTP/1.1\r\n${host}${chunked}${chunk("hel")}${
      chunk("lo")
    }0\r\n\r\n`;
    assert.equal((await exchange(request)).status, 201);
    const { body } = await exchange(`GET /v1/kv/c HTTP/1.1\r\n${host}\r\n`);
    assert.equal(body, "hello");
  });

  it("with trailers are stored and answered, or neither", async () => {
    const trailer = "0\r\nX-Checksum: 1\r\n\r\n";
    const request = `PUT /v1/kv/t HTTP/1.1\r\n${host}${chunked}${chunk("hello")}${trailer}`;
    const { status, body } = await exchange(request);
    // Bun knows no trailers: its own 400 has no problem document.
    if ((await currentRuntime()).name === "deno") assert.equal(status, 201);
    else assert.equal(`${status} ${body}`, "400 ");
    assert.equal(probe.kv.writes, status === 201 ? 1 : 0);
    // What is applied late would be seen by then.
    assert.equal((await exchange(`GET /livez HTTP/1.1\r\n${host}\r\n`)).status, 200);
    assert.equal(probe.kv.writes, status === 201 ? 1 : 0);
  });

  it("in a coding that nobody decodes are refused", async () => {
    const coding = "Transfer-Encoding: gzip, chunked\r\n\r\n";
    const request = `PUT /v1/kv/c HTTP/1.1\r\n${host}${coding}${chunk("x")}0\r\n\r\n`;
    assert.equal((await exchange(request)).status, 400);
    assert.equal(probe.kv.writes, 0);
  });

  it("without an end are cut off at the limit, while they arrive", async () => {
    const connection = new RawConnection(server.port);
    connection.send(`PUT /v1/kv/c HTTP/1.1\r\n${host}${chunked}`);
    for (let i = 0; i <= 4; i++) connection.send(chunk("x".repeat(16 * 1024)));
    const { status, body, head } = await connection.answer();
    connection.close();
    assert.equal(`${status} ${code(body)}`, "413 value_too_large");
    assert.equal(JSON.parse(body).outcome, "not_applied");
    assert.match(head, /^connection: close$/im);
    assert.equal(probe.kv.writes, 0);
  });

  it("that are declared too large are refused before they are sent", async () => {
    const length = valueBytesMax + 1;
    const request = `PUT /v1/kv/c HTTP/1.1\r\n${host}Content-Length: ${length}\r\n\r\n`;
    const { status, body } = await exchange(request);
    assert.equal(`${status} ${code(body)}`, "413 value_too_large");
  });

  it("that stall are 408, of either framing, and store nothing", async () => {
    for (const framing of ["Content-Length: 5\r\n\r\nhel", `${chunked}5\r\nhel`]) {
      const { status, body } = await exchange(
        `PUT /v1/kv/c?timeout=50ms HTTP/1.1\r\n${host}${framing}`,
      );
      assert.equal(`${status} ${code(body)}`, "408 request_timeout");
      assert.equal(JSON.parse(body).outcome, "not_applied");
    }
    assert.equal(probe.kv.writes, 0);
  });

  it("may be there and empty where none is taken", async () => {
    await probe.put("a", "1");
    const empty = await exchange(`DELETE /v1/kv/a HTTP/1.1\r\n${host}${chunked}0\r\n\r\n`);
    assert.equal(empty.status, 200);
    const full = `DELETE /v1/kv/a HTTP/1.1\r\n${host}${chunked}${chunk("{}")}0\r\n\r\n`;
    const { status, body } = await exchange(full);
    assert.equal(`${status} ${code(body)}`, "400 bad_request");
  });

  it("framed in two ways are refused, and nothing behind them is taken for a request", async () => {
    for (
      const framing of [
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      ]
    ) {
      const smuggled = `PUT /v1/kv/smuggled HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`;
      const connection = new RawConnection(server.port);
      connection.send(`PUT /v1/kv/c HTTP/1.1\r\n${host}${framing}${smuggled}`);
      const received = await connection.until(() => false);
      assert.match(received, /^HTTP\/1\.1 400 /);
      connection.close();
    }
    assert.equal(probe.kv.writes, 0);
  });

  it("that were refused unread do not become the next request", async () => {
    const smuggled = `PUT /v1/kv/smuggled HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`;
    const connection = new RawConnection(server.port);
    connection.send(
      `PUT /v1/kv/c?zebra HTTP/1.1\r\n${host}Content-Length: ${smuggled.length}\r\n\r\n` +
        smuggled +
        `GET /v1/kv/last HTTP/1.1\r\n${host}\r\n`,
    );
    const received = await connection.until((text) => text.includes("key_not_found"));
    connection.close();
    assert.match(received, /^HTTP\/1\.1 400 /);
    assert.equal(probe.kv.writes, 0);
  });
});

describe("HEAD and 304 over a socket", () => {
  it("have the length of GET, and no body that would shift the next answer", async () => {
    await probe.put("a", "hello");
    const connection = new RawConnection(server.port);
    connection.send(`HEAD /v1/kv/a HTTP/1.1\r\n${host}\r\n`);
    const head = await connection.until((text) => text.includes("\r\n\r\n"));
    assert.match(head, /^content-length: 5$/im);
    connection.send(`HEAD /v1/kv/none HTTP/1.1\r\n${host}\r\n`);
    await connection.until((text) => text.includes("404 Not Found") && text.endsWith("\r\n\r\n"));
    connection.send(`GET /v1/kv/a HTTP/1.1\r\n${host}If-None-Match: "2"\r\n\r\n`);
    await connection.until((text) => text.includes(" 304 ") && text.endsWith("\r\n\r\n"));
    connection.send(`GET /v1/kv/a HTTP/1.1\r\n${host}\r\n`);
    const all = await connection.until((text) => text.endsWith("hello"));
    connection.close();
    assert.deepEqual(all.match(/^HTTP\/1\.1 \d{3}/gm), [
      "HTTP/1.1 200",
      "HTTP/1.1 404",
      "HTTP/1.1 304",
      "HTTP/1.1 200",
    ]);
  });
});
