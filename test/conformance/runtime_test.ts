/** One suite that src/runtime/bun.ts and src/runtime/deno.ts both pass: run it on both runtimes. */

import { join } from "node:path";
import { type SqliteDatabase, SqliteError, type SqliteValue } from "../../src/runtime/mod.ts";
import { WorkerJobs } from "../../src/runtime/worker_jobs.ts";
import { currentRuntime } from "../harness/runtime.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { after, afterEach, assert, before, beforeEach, describe, it } from "../harness/test.ts";

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

  it("gives rows as arrays, too, from the same statement", () => {
    database.exec("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (NULL, x'00ff')");
    const select = database.prepare("SELECT b, a, a AS b FROM t WHERE rowid <= ? ORDER BY rowid");
    const rows = [["x", 1, 1], [Uint8Array.of(0, 255), null, null]];
    assert.deepEqual(select.values(2), rows);
    assert.equal(select.get(1)?.["b"], 1);
    assert.deepEqual(select.values(1), rows.slice(0, 1));
    assert.deepEqual(select.all(1).map((row) => row["b"]), [1]);
    assert.deepEqual(select.values(0), []);
    assert.equal(sqliteErrorOf(() => select.values("a\0b")).resultCode, 21);
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

  it("is refused by a file that another connection holds, and told 5", () => {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    const other = runtime.openSqlite(path);
    assert.equal(sqliteErrorOf(() => other.exec("BEGIN EXCLUSIVE")).resultCode, 5);
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
