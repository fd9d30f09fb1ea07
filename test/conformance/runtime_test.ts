/** One suite that src/runtime/bun.ts and src/runtime/deno.ts both pass: run it on both runtimes. */

import { connect } from "node:net";
import { join } from "node:path";
import { ListenError } from "../../src/runtime/listen_error.ts";
import {
  type HttpServeOptions,
  type HttpServer,
  type SqliteDatabase,
  SqliteError,
  type SqliteValue,
} from "../../src/runtime/mod.ts";
import { WorkerJobs } from "../../src/runtime/worker_jobs.ts";
import { currentRuntime } from "../harness/runtime.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { after, afterEach, assert, before, beforeEach, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const runtime = await currentRuntime();

/** The SqliteError that `run` throws. */
function sqliteErrorOf(run: () => unknown): SqliteError {
  try {
    run();
  } catch (error) {
    if (error instanceof SqliteError) return error;
    throw error;
  }
  throw new Error("Nothing was thrown");
}

describe(`the program's surroundings on ${runtime.name}`, () => {
  it("names itself, its version and SQLite's", () => {
    assert.match(runtime.version, /^\d+\.\d+\.\d+/);
    assert.match(runtime.sqliteVersion, /^3\.\d+\.\d+$/);
  });

  it("reads the environment by name and as a whole", () => {
    assert.equal(runtime.env("PATH"), runtime.environment()["PATH"]);
    assert.equal(runtime.env("SKEIN_SURELY_NOT_SET"), undefined);
  });
});

describe(`SQLite on ${runtime.name}`, () => {
  const folder = makeTempDir("runtime");
  let path: string;
  let database: SqliteDatabase;
  let files = 0;

  beforeEach(() => {
    path = join(folder.path, `${files++}.db`);
    database = runtime.openSqlite(path);
  });
  afterEach(() => database.close());
  after(() => folder.remove());

  const stored: readonly { readonly value: SqliteValue; readonly type: string }[] = [
    { value: null, type: "null" },
    { value: 0, type: "integer" },
    { value: -1, type: "integer" },
    { value: 2 ** 31, type: "integer" },
    { value: Number.MAX_SAFE_INTEGER, type: "integer" },
    { value: -Number.MAX_SAFE_INTEGER, type: "integer" },
    { value: 1.5, type: "real" },
    { value: "", type: "text" },
    { value: "grüße 👋", type: "text" },
    { value: new Uint8Array(0), type: "blob" },
    { value: new Uint8Array([0, 1, 255]), type: "blob" },
    { value: new Uint8Array([9, 8, 7, 6]).subarray(1, 3), type: "blob" },
  ];
  for (const { value, type } of stored) {
    it(`gives back ${JSON.stringify(value)} as it was stored, as ${type}`, () => {
      database.exec("CREATE TABLE t (v)");
      database.prepare("INSERT INTO t VALUES (?)").run(value);
      const row = database.prepare("SELECT v, typeof(v) AS type FROM t").get();
      assert.ok(row);
      assert.deepEqual(row["v"], value);
      assert.equal(row["type"], type);
      if (value instanceof Uint8Array) {
        assert.ok(row["v"] instanceof Uint8Array);
        assert.equal(Object.getPrototypeOf(row["v"]), Uint8Array.prototype);
      }
    });
  }

  it("counts the rows that a statement changed", () => {
    database.exec("CREATE TABLE t (v INTEGER)");
    const insert = database.prepare("INSERT INTO t VALUES (?), (?), (?)");
    assert.equal(insert.run(1, 2, 3), 3);
    assert.equal(database.prepare("DELETE FROM t WHERE v > ?").run(1), 2);
    assert.equal(database.prepare("DELETE FROM t WHERE v > ?").run(1), 0);
  });

  it("answers undefined where get finds no row, and no rows where all does", () => {
    database.exec("CREATE TABLE t (v)");
    assert.equal(database.prepare("SELECT v FROM t").get(), undefined);
    assert.deepEqual(database.prepare("SELECT v FROM t").all(), []);
  });

  it("runs a prepared statement again and again, in order", () => {
    database.exec("CREATE TABLE t (v INTEGER)");
    const insert = database.prepare("INSERT INTO t VALUES (?)");
    for (let v = 0; v < 100; v++) insert.run(v);
    const rows = database.prepare("SELECT v FROM t ORDER BY v DESC LIMIT ?").all(2);
    assert.deepEqual(rows.map((row) => row["v"]), [99, 98]);
  });

  it("executes several statements of one text, comments between them", () => {
    database.exec(`
      -- The schema; two tables.
      CREATE TABLE a (v TEXT); /* ; */ CREATE TABLE b (v);
      INSERT INTO a VALUES (';--x'); -- done;
    `);
    assert.equal(database.prepare("SELECT v FROM a").get()?.["v"], ";--x");
    assert.deepEqual(database.prepare("SELECT v FROM b").all(), []);
  });

  for (const sql of ["", "  ", ";", "-- nothing", "/* nothing */ ;"]) {
    it(`refuses ${JSON.stringify(sql)}, which holds no statement`, () => {
      assert.equal(sqliteErrorOf(() => database.exec(sql)).resultCode, 21);
      assert.equal(sqliteErrorOf(() => database.prepare(sql)).resultCode, 21);
    });
  }

  it("tells a broken unique constraint by its extended code", () => {
    database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB UNIQUE)");
    const insert = database.prepare("INSERT INTO t VALUES (?, ?)");
    insert.run(1, new Uint8Array([1]));
    assert.equal(sqliteErrorOf(() => insert.run(1, new Uint8Array([2]))).resultCode, 1555);
    assert.equal(sqliteErrorOf(() => insert.run(2, new Uint8Array([1]))).resultCode, 2067);
  });

  it("tells a syntax error when it prepares and when it executes", () => {
    assert.equal(sqliteErrorOf(() => database.prepare("SELEKT 1")).resultCode, 1);
    assert.equal(sqliteErrorOf(() => database.exec("SELECT nope")).resultCode, 1);
  });

  it("tells a full database by 13, from exec and from a statement", () => {
    database.exec("PRAGMA page_size = 1024; CREATE TABLE t (v BLOB); PRAGMA max_page_count = 8");
    const full = "INSERT INTO t VALUES (zeroblob(100000))";
    assert.equal(sqliteErrorOf(() => database.exec(full)).resultCode, 13);
    assert.equal(sqliteErrorOf(() => database.prepare(full).run()).resultCode, 13);
  });

  it("refuses values too many, and text that it could not give back", () => {
    const select = database.prepare("SELECT ? AS v");
    assert.ok(sqliteErrorOf(() => select.get(1, 2)).resultCode !== 0);
    assert.equal(sqliteErrorOf(() => select.get("a\0b")).resultCode, 21);
    assert.equal(select.get("ab")?.["v"], "ab");
  });

  it("refuses a file that is not there when it shall not create it", () => {
    const absent = join(folder.path, "absent.db");
    assert.equal(sqliteErrorOf(() => runtime.openSqlite(absent, { create: false })).resultCode, 14);
    assert.equal(
      sqliteErrorOf(() => runtime.openSqlite(absent, { readonly: true })).resultCode,
      14,
    );
    assert.equal(
      sqliteErrorOf(() => runtime.openSqlite(join(folder.path, "no", "such.db"))).resultCode,
      14,
    );
  });

  it("opens a file that is there without creating it, whatever its name", () => {
    const odd = join(folder.path, "100%41 a?b#c.db");
    const made = runtime.openSqlite(odd);
    made.exec("CREATE TABLE t (v); INSERT INTO t VALUES (7)");
    made.close();
    const again = runtime.openSqlite(odd, { create: false });
    assert.equal(again.prepare("SELECT v FROM t").get()?.["v"], 7);
    again.close();
  });

  it("writes nothing through a read-only connection", () => {
    database.exec("CREATE TABLE t (v)");
    const reader = runtime.openSqlite(path, { readonly: true });
    assert.equal(sqliteErrorOf(() => reader.exec("INSERT INTO t VALUES (1)")).resultCode, 8);
    reader.close();
  });

  it("is refused at once by a file that another connection holds, and told 5", () => {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    const other = runtime.openSqlite(path);
    const startedMs = performance.now();
    assert.equal(sqliteErrorOf(() => other.exec("BEGIN EXCLUSIVE")).resultCode, 5);
    assert.ok(performance.now() - startedMs < 1000);
    other.close();
  });

  it("gives its locks back on close, also with statements left open", () => {
    const holder = runtime.openSqlite(path);
    holder.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    const forgotten = holder.prepare("SELECT 1 AS one");
    forgotten.get();
    holder.close();
    database.exec("BEGIN EXCLUSIVE; COMMIT");
  });

  it("refuses everything after finalize and after close", () => {
    const closed = runtime.openSqlite(":memory:");
    const statement = closed.prepare("SELECT 1 AS one");
    statement.finalize();
    assert.ok(sqliteErrorOf(() => statement.get()).resultCode !== 0);
    closed.close();
    assert.ok(sqliteErrorOf(() => closed.exec("SELECT 1")).resultCode !== 0);
  });

  it("rolls back what was not committed when the connection closes", () => {
    database.exec("CREATE TABLE t (v)");
    const writer = runtime.openSqlite(path);
    writer.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)");
    writer.close();
    assert.deepEqual(database.prepare("SELECT v FROM t").all(), []);
  });

  it("keeps foreign keys and the busy time-out at SQLite's own defaults", () => {
    assert.equal(database.prepare("PRAGMA foreign_keys").get()?.["foreign_keys"], 0);
    assert.equal(database.prepare("PRAGMA busy_timeout").get()?.["timeout"], 0);
  });
});

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
    const startedMs = performance.now();
    await server.close(100);
    assert.ok(performance.now() - startedMs < 5000);
    await assert.rejects(async () => {
      for (;;) if ((await reader?.read())?.done === true) throw new Error("ended cleanly");
    });
    await assert.rejects(fetch(url));
  });
});

describe(`the worker on ${runtime.name}`, () => {
  let jobs: WorkerJobs;
  before(() => {
    jobs = new WorkerJobs(runtime.spawnWorker());
  });
  after(() => jobs.close());

  it("runs in the same runtime", async () => {
    assert.deepEqual(await jobs.run("describe", null), {
      runtime: runtime.name,
      runtimeVersion: runtime.version,
      sqlite: runtime.sqliteVersion,
    });
  });

  it("measures the disk, and fails the job where there is none", async () => {
    using folder = makeTempDir("worker");
    const times = await jobs.run("measureSync", { folder: folder.path, rounds: 3 });
    assert.ok(times.medianMs >= 0 && times.slowestMs >= times.medianMs);
    const nowhere = join(folder.path, "nowhere");
    await assert.rejects(jobs.run("measureSync", { folder: nowhere, rounds: 3 }), /ENOENT/);
  });

  it("fails the jobs that wait when it is closed", async () => {
    const doomed = new WorkerJobs(runtime.spawnWorker());
    const job = doomed.run("describe", null);
    doomed.close();
    await assert.rejects(job, /The worker was closed/);
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
  return `PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${body}`;
}

/** What the server sends on a connection of its own until it closes it. */
function rawRequest(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(request));
    socket.on("data", (chunk) => text += chunk.toString());
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
  });
}
