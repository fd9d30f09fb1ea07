/** HTTP as src/runtime/bun.ts and src/runtime/deno.ts both serve it: run it on both runtimes. */

import { connect, type Socket } from "node:net";
import type { HttpServeOptions, HttpServer } from "../../src/runtime/mod.ts";
import { ListenError } from "../../src/runtime/listen_error.ts";
import { currentRuntime } from "../harness/runtime.ts";
import { afterEach, assert, describe, it } from "../harness/test.ts";
import { pause, until } from "../harness/wait.ts";

const runtime = await currentRuntime();
/** A connection that is never closed fails its test by this. */
const soon = { timeout: 30_000 };

describe(`HTTP on ${runtime.name}`, () => {
  const servers: HttpServer[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close(0);
  });

  async function serve(
    fetch: HttpServeOptions["fetch"],
    more: Partial<HttpServeOptions> = {},
  ): Promise<{ readonly server: HttpServer; readonly url: string }> {
    const server = await runtime.serveHttp({
      hostname: "127.0.0.1",
      port: 0,
      fetch,
      requestBytesMax: 1000,
      onError: (error) => new Response(`Caught ${String(error)}`, { status: 500 }),
      ...more,
    });
    servers.push(server);
    return { server, url: `http://127.0.0.1:${server.port}` };
  }

  it("answers on the port that the system chose, and tells it", async () => {
    const { server, url } = await serve(() => new Response("hello"));
    assert.ok(server.port > 0);
    assert.equal(server.hostname, "127.0.0.1");
    assert.equal(await (await fetch(url)).text(), "hello");
  });

  it("hands over method, raw path, headers and body", async () => {
    const { url } = await serve(async (request) => {
      const body = new Uint8Array(await request.arrayBuffer());
      const path = request.url.slice(request.url.indexOf("/", 8));
      return Response.json({
        method: request.method,
        path,
        a: request.headers.get("x-a"),
        body: [...body],
      });
    });
    const answer = await fetch(`${url}/v1/kv/a%2Fb//c?x=%FF`, {
      method: "PUT",
      headers: { "X-A": "1" },
      body: new Uint8Array([0, 255]),
    });
    assert.deepEqual(await answer.json(), {
      method: "PUT",
      path: "/v1/kv/a%2Fb//c?x=%FF",
      a: "1",
      body: [0, 255],
    });
  });

  it("tells where the client is", async () => {
    const { url } = await serve((_request, connection) => new Response(connection.remoteAddress));
    assert.match(await (await fetch(url)).text(), /^127\.0\.0\.1:\d+$/);
  });

  it("asks onError when the handler throws or rejects", async () => {
    const { url } = await serve((request) => {
      if (request.url.endsWith("/sync")) throw new Error("sync");
      return Promise.reject(new Error("async"));
    });
    for (const kind of ["sync", "async"]) {
      const answer = await fetch(`${url}/${kind}`);
      assert.equal(answer.status, 500);
      assert.equal(await answer.text(), `Caught Error: ${kind}`);
    }
  });

  it("cuts off a body above the limit, announced or chunked, and serves on", async () => {
    const { url } = await serve(async (request) => {
      return new Response(String((await request.arrayBuffer()).byteLength));
    });
    const exact = await fetch(url, { method: "PUT", body: new Uint8Array(1000) });
    assert.equal(await exact.text(), "1000");
    const announced = await fetch(url, { method: "PUT", body: new Uint8Array(1001) });
    assert.equal(announced.status, 413);
    await announced.body?.cancel();
    const { port } = new URL(url);
    const chunk = `${(600).toString(16)}\r\n${"x".repeat(600)}\r\n`;
    const small = await rawRequest(Number(port), chunked(chunk + "0\r\n\r\n"));
    assert.match(small, /^HTTP\/1\.1 200[^]*600$/);
    const large = await rawRequest(Number(port), chunked(chunk + chunk + "0\r\n\r\n"));
    assert.match(large, /^HTTP\/1\.1 413/);
    assert.equal((await fetch(url, { method: "PUT", body: "x" })).status, 200);
  });

  it("closes the connection behind an answer that says so, which it says once", soon, async () => {
    const { server } = await serve(async (request) => {
      if (request.url.endsWith("/read")) await request.bytes();
      return new Response("last", { status: 413, headers: { Connection: "close" } });
    });
    const head = "HTTP/1.1\r\nHost: x\r\n";
    for (
      const [sent, times] of [
        [`GET / ${head}\r\n`, "1"],
        [`PUT /unread ${head}Content-Length: 9\r\n\r\nabc`, "1"],
        [`PUT /unread ${head}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`, "1"],
        [`PUT /read ${head}Content-Length: 3\r\n\r\nabc`, "01"],
        [`HEAD / ${head}Connection: close\r\n\r\n`, "1"],
      ] as const
    ) {
      const answer = await rawRequest(server.port, sent);
      assert.match(
        answer,
        sent.startsWith("HEAD") ? /^HTTP\/1\.1 413 / : /^HTTP\/1\.1 413 [^]*last$/,
      );
      const said = String(answer.match(/^connection: close\r$/gim)?.length ?? 0);
      assert.ok(times.includes(said), `${sent} → ${answer}`);
    }
  });

  it("aborts the request's signal when the client leaves before the answer", async () => {
    let aborted = false;
    let entered = false;
    const { url } = await serve(async (request) => {
      entered = true;
      request.signal.addEventListener("abort", () => {
        aborted = true;
      });
      await until(() => aborted, { what: "the signal" });
      return new Response("too late");
    });
    const client = new AbortController();
    const asked = fetch(url, { signal: client.signal }).catch(() => undefined);
    await until(() => entered, { what: "the request" });
    client.abort();
    await asked;
    await until(() => aborted, { what: "the signal" });
  });

  it("does not abort the signal of a request that was answered", async () => {
    let aborted = 0;
    const { url } = await serve((request) => {
      request.signal.addEventListener("abort", () => aborted++);
      return new Response("answered");
    });
    for (let i = 0; i < 5; i++) await (await fetch(url)).text();
    assert.equal(aborted, 0);
  });

  it("tells when an answer has left, or its client is gone, and not before", soon, async () => {
    const left: string[] = [];
    const { server } = await serve(async (request, connection) => {
      const { pathname } = new URL(request.url);
      await pause(0);
      connection.onAnswered(() => left.push(pathname));
      return new Response(new Uint8Array(pathname === "/small" ? 1 : 64 * 1024 * 1024));
    });
    const ask = (path: string): Socket => {
      const socket = connect(server.port, "127.0.0.1");
      socket.on("error", () => {});
      // Nothing is read from a socket that nobody listens to.
      socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      return socket;
    };
    const [taken, gone] = [ask("/taken"), ask("/gone")];
    const small = ask("/small");
    await until(() => left.includes("/small"), { what: "the small answer to have left" });
    assert.deepEqual(left, ["/small"]);
    gone.destroy();
    await until(() => left.includes("/gone"), { what: "the client to be missed" });
    assert.deepEqual(left, ["/small", "/gone"]);
    taken.resume();
    await until(() => left.includes("/taken"), { what: "the answer to have left" });
    taken.destroy();
    small.destroy();
  });

  it("cancels a streamed answer when its reader leaves", async () => {
    let cancelled = false;
    const { url } = await serve((_request, connection) => {
      connection.keepOpen();
      return new Response(endless(() => cancelled = true));
    });
    const client = new AbortController();
    const answer = await fetch(url, { signal: client.signal });
    await answer.body?.getReader().read();
    client.abort();
    await until(() => cancelled, { what: "the cancellation" });
  });

  it("names the address that is taken", async () => {
    const { server } = await serve(() => new Response(""));
    const refused = await runtime.serveHttp({
      hostname: "127.0.0.1",
      port: server.port,
      fetch: () => new Response(""),
      requestBytesMax: 1,
      onError: () => new Response(""),
    }).then(() => undefined, (error: unknown) => error);
    assert.ok(refused instanceof ListenError);
    assert.equal(refused.inUse, true);
    assert.equal(
      refused.message,
      `Cannot listen on 127.0.0.1:${server.port}: the address is in use`,
    );
  });

  it("closes after the requests under way, and is not there any more", async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => release = resolve);
    let entered = false;
    const { server, url } = await serve(async () => {
      entered = true;
      await held;
      return new Response("finished");
    });
    const asked = fetch(url).then((answer) => answer.text());
    await until(() => entered, { what: "the request" });
    const closing = server.close(10_000);
    release();
    assert.equal(await asked, "finished");
    await closing;
    await assert.rejects(fetch(url));
  });

  it("cuts what is still open when the grace is over", async () => {
    const { server, url } = await serve(() => new Response(endless(() => {})));
    const answer = await fetch(url);
    const reader = answer.body?.getReader();
    await reader?.read();
    await server.close(100);
    await assert.rejects(async () => {
      for (;;) if ((await reader?.read())?.done === true) throw new Error("ended cleanly");
    });
    await assert.rejects(fetch(url));
  });
});

/** A body without end, in small pieces. */
function endless(onCancel: () => void): ReadableStream<Uint8Array> {
  let timer: ReturnType<typeof setInterval>;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array([1]));
      timer = setInterval(() => controller.enqueue(new Uint8Array([1])), 20);
    },
    cancel() {
      clearInterval(timer);
      onCancel();
    },
  });
}

function chunked(body: string): string {
  const head = ["PUT / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "Connection: close"];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

/** What the server sends on a connection of its own until it closes it. */
function rawRequest(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    socket.on("data", (chunk) => text += chunk.toString());
    socket.on("close", () => resolve(text));
    // A server that answers before it has read everything may reset the connection.
    socket.on("error", (error) => text === "" ? reject(error) : resolve(text));
  });
}
