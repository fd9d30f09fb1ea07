/**
 * What the HTTP of Bun and Deno does by itself, before the application sees a request or behind its
 * answer: nothing here can be mended from inside. docs/HTTP.md tells users. A runtime that behaves
 * otherwise some day fails here, and the page wants to be changed.
 */

import { RawConnection } from "../harness/raw_connection.ts";
import { currentRuntime } from "../harness/runtime.ts";
import { afterEach, assert, beforeEach, describe, it } from "../harness/test.ts";
import type { HttpServer } from "../../src/runtime/mod.ts";

const runtime = await currentRuntime();
const isBun = runtime.name === "bun";
const soon = { timeout: 30_000 };

describe(`The HTTP of ${runtime.name} itself`, () => {
  let server: HttpServer;
  let seen: string[];
  let aborted: string[];
  let isHeld: boolean;

  beforeEach(async () => {
    seen = [];
    aborted = [];
    isHeld = false;
    server = await runtime.serveHttp({
      hostname: "127.0.0.1",
      port: 0,
      requestBytesMax: Number.MAX_SAFE_INTEGER,
      fetch: answer,
      onError: () => new Response(null, { status: 500 }),
    });
  });

  afterEach(() => server.close(0));

  /** Answers in a later turn, as whatever asks the store; when held, once the client is gone. */
  async function answer(request: Request): Promise<Response> {
    const name = `${request.method} ${request.url.slice(-1)}`;
    const gone = new Promise<void>((resolve) => {
      request.signal.addEventListener("abort", () => {
        aborted.push(name);
        resolve();
      });
    });
    await request.bytes();
    seen.push(name);
    await (isHeld ? gone : new Promise((resolve) => setTimeout(resolve, 0)));
    return new Response(`answer to ${name}`);
  }

  const head = "HTTP/1.1\r\nHost: x\r\n";
  const put = `PUT /a ${head}Content-Length: 1\r\n\r\n1`;
  const last = `GET /b ${head}Connection: close\r\n\r\n`;

  /** Everything that comes back until the server closes. */
  async function received(sent: string, { halfClose = false } = {}): Promise<string> {
    const connection = new RawConnection(server.port);
    connection.send(sent);
    if (halfClose) connection.end();
    const text = await connection.until(() => false);
    connection.close();
    return text;
  }

  it("answers pipelined requests in turn on Deno; Bun closes on the first", soon, async () => {
    const text = await received(put + last);
    if (isBun) {
      assert.equal(text, "");
      assert.deepEqual(aborted, ["PUT a"]);
    } else {
      assert.match(text, /answer to PUT a[^]*answer to GET b$/);
    }
  });

  it("takes a client that has closed its writing side for gone", soon, async () => {
    isHeld = true;
    assert.equal(await received(put, { halfClose: true }), "");
    assert.deepEqual([seen, aborted], [["PUT a"], ["PUT a"]]);
  });

  it("closes without an answer on Bun when more bytes follow a body", soon, async () => {
    const text = await received(`${put}\r\n${last}`);
    if (isBun) assert.doesNotMatch(text, /answer to PUT a/);
    else assert.match(text, /answer to PUT a[^]*answer to GET b$/);
  });

  it("hands methods that nobody knows on, on Deno; Bun closes", soon, async () => {
    const text = await received(`FOO /a ${head}Connection: close\r\n\r\n`);
    assert.equal(/answer to FOO a$/.test(text), !isBun);
    assert.equal(text === "", isBun);
  });

  it("refuses HTTP/1.1 without a Host on Bun; Deno hands it on", soon, async () => {
    const text = await received("GET /a HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert.match(text, isBun ? /^HTTP\/1\.1 400 [^]*\r\n\r\n$/ : /answer to GET a$/);
  });

  it("refuses more than a few hundred headers", soon, async () => {
    const many = Array.from({ length: 500 }, (_, i) => `X-${i}: 1\r\n`).join("");
    const text = await received(`GET /a ${head}${many}\r\n`);
    assert.match(text, isBun ? /^HTTP\/1\.1 431 / : /^HTTP\/1\.1 400 /);
  });
});
