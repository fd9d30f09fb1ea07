/** How large the head of a real request may be, on whatever runtime this runs. */

import { HttpProbe } from "../harness/http_probe.ts";
import { exchangeOn, type RawAnswer } from "../harness/raw_connection.ts";
import { currentRuntime } from "../harness/runtime.ts";
import { after, assert, before, beforeEach, describe, it } from "../harness/test.ts";
import { cursorLengthMax, headersBytesMax, targetBytesMax } from "../../src/http/head_limits.ts";
import { type HttpServer, requestHeadBytesMax } from "../../src/runtime/mod.ts";

const runtime = await currentRuntime();
let server: HttpServer;
let probe: HttpProbe;

before(async () => {
  server = await runtime.serveHttp({
    hostname: "127.0.0.1",
    port: 0,
    requestBytesMax: Number.MAX_SAFE_INTEGER,
    fetch: (request) => probe.app.fetch(request, {}),
    onError: () => new Response(null, { status: 500 }),
  });
});

after(() => server.close(0));

beforeEach(() => {
  probe = new HttpProbe();
});

function ask(line: string, headers = ""): Promise<RawAnswer> {
  return exchangeOn(server.port, `${line} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`);
}

function code({ status, body }: RawAnswer): string {
  return `${status} ${JSON.parse(body).code}`;
}

/** A header that makes all headers of {@link ask} as large as `bytes`. */
function filler(bytes: number): string {
  return `X-Fill: ${"x".repeat(bytes - "Host127.0.0.1X-Fill".length)}\r\n`;
}

describe(`The head of a request on ${runtime.name}`, () => {
  it("may have the longest target, the longest cursor, the largest headers at once", async () => {
    const cursor = "A".repeat(cursorLengthMax);
    const path = "/v1/kv";
    const prefix = "prefix=".padEnd(targetBytesMax - path.length - 1, "&");
    const line = `GET ${path}?${prefix}&cursor=${cursor}`;
    assert.equal(code(await ask(line, filler(headersBytesMax))), "400 invalid_cursor");
    const heads = line.length + headersBytesMax + 1000;
    assert.ok(heads < requestHeadBytesMax, "the limits do not fit into what the runtimes take");
  });

  it("is refused in a problem document above its limits, which names them", async () => {
    const long = await ask(`PUT /v1/kv/${"k".repeat(targetBytesMax)}`, "Content-Length: 0\r\n");
    assert.equal(code(long), "414 target_too_long");
    assert.equal(JSON.parse(long.body).outcome, "not_applied");
    assert.match(JSON.parse(long.body).detail, /allowed are 32768 beside a cursor$/);
    const large = await ask("GET /livez", filler(headersBytesMax + 1));
    assert.equal(code(large), "431 headers_too_large");
    assert.match(JSON.parse(large.body).detail, /have 16385 bytes, allowed are 16384$/);
  });

  it("is answered by the runtime itself when it is larger still", async () => {
    const { status, body } = await ask("GET /livez", filler(requestHeadBytesMax));
    assert.equal(`${status} ${body}`, runtime.name === "bun" ? "431 " : "400 ");
  });

  it("takes the longest key with each of its bytes escaped", async () => {
    const path = `/v1/kv/${"%FF".repeat(8192)}`;
    assert.equal((await ask(`PUT ${path}`, "Content-Length: 0\r\n")).status, 201);
    assert.equal((await ask(`GET ${path}`)).status, 200);
    assert.equal((await ask(`PUT ${path}%FF`, "Content-Length: 0\r\n")).status, 414);
  });

  it("takes every cursor that it has given, beside the longest options", async () => {
    const long = "k".repeat(8190);
    const value = new Uint8Array(0);
    for (const end of ["1", "2", "3"]) {
      const key = new TextEncoder().encode(long + end);
      probe.kv.store.apply({ kind: "put", key, value, conditions: {}, prev: false });
    }
    const end = `end=${"%7A".repeat(8192)}`;
    for (const options of [`prefix=${long}`, `start=${"a".repeat(6000)}&${end}`, "reverse=true"]) {
      let target = `/v1/kv?limit=1&keys_only=true&${options}`;
      const seen: string[] = [];
      for (;;) {
        const { status, head, body } = await ask(`GET ${target}`);
        assert.equal(status, 200, body.slice(0, 500));
        const page = JSON.parse(body);
        seen.push(page.items[0].key.slice(-1));
        const next = /^link: <([^>]*)>; rel="next"/im.exec(head)?.[1];
        if (next === undefined) break;
        target = next;
      }
      assert.deepEqual(seen.sort(), ["1", "2", "3"]);
    }
  });
});
