/** kv.db as a file: what it refuses, what it notices, and how it reaches the disk. */

import { copyFileSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { KvStateMachine } from "../../src/kv/state_machine.ts";
import { utf8 } from "../../src/lib/bytes.ts";
import { FatalStorageError } from "../../src/node/ports.ts";
import {
  type SqliteDatabase,
  SqliteError,
  type SqliteRow,
  type SqliteStatement,
  type SqliteValue,
} from "../../src/runtime/mod.ts";
import type { SqliteKvTables } from "../../src/storage/sqlite/kv_tables.ts";
import { bound } from "../harness/bound_statement.ts";
import { EntryMaker, get, put, range } from "../harness/kv_commands.ts";
import { makeTempDir, type TempDir } from "../harness/temp_dir.ts";
import { afterEach, assert, beforeEach, describe, it } from "../harness/test.ts";
import { clusterId, openSqliteTables, runtime } from "./state_machine_places.ts";

let temp: TempDir;
beforeEach(() => {
  temp = makeTempDir("kv-db");
});
afterEach(() => temp.remove());

describe(`kv.db on ${runtime.name}: what it refuses`, () => {
  function edit(sql: string): void {
    const database = runtime.openSqlite(join(temp.path, "kv.db"));
    database.exec(sql);
    database.close();
  }

  const wayOut = "while the node is stopped, remove DIR/kv.db, and kv.db-wal and -shm where they " +
    "exist, and the next start builds the store anew from the log";

  function refusal(firstLogIndex = 1): string {
    try {
      openSqliteTables(temp.path, firstLogIndex).close();
      return "opened";
    } catch (error) {
      assert.ok(error instanceof FatalStorageError);
      return error.message.replaceAll(temp.path, "DIR");
    }
  }

  it("a file of another program", () => {
    edit("CREATE TABLE t (x)");
    assert.equal(refusal(), "DIR/kv.db is not a store of this program");
  });

  it("a file that is no database", () => {
    copyFileSync(new URL(import.meta.url), join(temp.path, "kv.db"));
    assert.equal(
      refusal(),
      `DIR/kv.db is damaged: file is not a database (SQLite result code 26); ${wayOut}`,
    );
  });

  it("a damaged file beside a log that cannot build it anew, and says so", () => {
    copyFileSync(new URL(import.meta.url), join(temp.path, "kv.db"));
    assert.equal(
      refusal(501),
      "DIR/kv.db is damaged: file is not a database (SQLite result code 26); the log begins at " +
        "entry 501, so that the store cannot be built anew from it: while the node is stopped, " +
        "remove DIR/kv.db, and kv.db-wal and -shm where they exist, and the leader sends an " +
        "image of its own; a node that is alone needs a backup",
    );
  });

  it("a later format", () => {
    openSqliteTables(temp.path).close();
    edit("PRAGMA user_version = 3");
    assert.equal(
      refusal(),
      "DIR/kv.db has format 3, this program knows 2: a later version of it wrote the file",
    );
  });

  it("the first format, and tells the way out, which depends on the log", () => {
    const first = new URL("./testdata/kv_v1.db", import.meta.url);
    copyFileSync(first, join(temp.path, "kv.db"));
    assert.equal(refusal(), `DIR/kv.db has format 1, this program knows 2; ${wayOut}`);
    assert.equal(
      refusal(501),
      "DIR/kv.db has format 1, this program knows 2; the log begins at entry 501, so that the " +
        "store cannot be built anew from it: go on with the version of the program that wrote it",
    );
    // It was only looked at.
    assert.deepEqual(readFileSync(join(temp.path, "kv.db")), readFileSync(first));
  });

  it("the store of another cluster", () => {
    openSqliteTables(temp.path, 1, { clusterId: "theirs" }).close();
    assert.equal(
      refusal(),
      `DIR/kv.db belongs to cluster theirs, this node to cluster ${clusterId}`,
    );
  });

  it("a second connection", () => {
    const first = openSqliteTables(temp.path);
    assert.match(refusal(), /^DIR\/kv.db could not be opened: another connection has it open/);
    first.close();
    assert.equal(refusal(), "opened");
  });

  for (const column of ["applied_index", "configuration", "state_hash_b", "cluster_id"]) {
    it(`facts that were changed behind its back: ${column}`, () => {
      openSqliteTables(temp.path).close();
      const wrong = { configuration: "x'010000'", cluster_id: "cluster_id || 'x'" }[column] ?? "1";
      edit(`UPDATE meta SET ${column} = ${wrong}`);
      assert.equal(
        refusal(),
        `DIR/kv.db is damaged: the row of meta is missing or has a wrong checksum; ${wayOut}`,
      );
    });
  }

  const damages = {
    value: "value = x'6f6e66'",
    revision: "revision = 3",
    version: "version = 2",
    create_revision: "create_revision = 1",
    media_type: "media_type = 'a/b'",
    lease: "lease = '5'",
    time_ms: "time_ms = 11",
    wall_ms: "wall_ms = wall_ms + 1",
    crc32c: "crc32c = crc32c - 1",
    previous: "previous = 7",
    depth: "depth = 2",
  };
  for (const [column, change] of Object.entries(damages)) {
    it(`to answer with a row that was changed behind its back: ${column}`, () => {
      const machine = new KvStateMachine({ tables: openSqliteTables(temp.path) });
      machine.apply(new EntryMaker().commands([put("k", "one")]));
      machine.close();
      edit(`UPDATE change SET ${change} WHERE number = 1`);
      const damaged = new KvStateMachine({ tables: openSqliteTables(temp.path) });
      const complaint = new FatalStorageError(
        "DIR/kv.db is damaged: change 1 has a wrong checksum; ".concat(wayOut)
          .replaceAll("DIR", temp.path),
      );
      assert.throws(() => damaged.read(get("k")), complaint);
      assert.throws(() => damaged.read(range()), complaint);
      const another = new EntryMaker(1).commands([put("l", "two")]);
      assert.throws(() => damaged.apply(another), complaint, "nothing is written behind it");
    });
  }

  it("to take a row of one key for that of another", () => {
    const machine = new KvStateMachine({ tables: openSqliteTables(temp.path) });
    machine.apply(new EntryMaker().commands([put("k", "one"), put("l", "two")]));
    machine.close();
    edit("UPDATE live SET number = 2 WHERE key = x'6b'");
    const damaged = new KvStateMachine({ tables: openSqliteTables(temp.path) });
    assert.throws(() => damaged.read(get("k")), FatalStorageError);
    damaged.close();
  });

  /** Two keys, the first of them written again and again: changes 1, 3 and 4, revisions 2, 4, 5. */
  function damagedBy(sql: string): KvStateMachine {
    const machine = new KvStateMachine({ tables: openSqliteTables(temp.path) });
    const written = [put("k", "one"), put("l", "two"), put("k", "three"), put("k", "four")];
    machine.apply(new EntryMaker().commands(written));
    machine.close();
    edit(sql);
    return new KvStateMachine({ tables: openSqliteTables(temp.path) });
  }

  const history = { kind: "history", key: utf8("k"), limit: 9, bytesMax: 999 } as const;
  const past = { revision: 3 };

  it("to follow changes back in a circle", () => {
    for (const link of ["skip", "previous"]) {
      const damaged = damagedBy(`UPDATE change SET ${link} = 4 WHERE number = 3`);
      for (const query of [get("k"), range(), range({ keysOnly: true }), history]) {
        const complaint = /kv\.db is damaged: change 3 leads back to change 4; while/;
        assert.throws(() => damaged.read({ ...query, ...past }), complaint, query.kind);
      }
      damaged.close();
      temp.remove();
      temp = makeTempDir("kv-db");
    }
  });

  it("to take a change of one key for an earlier one of another", () => {
    const damaged = damagedBy("UPDATE change SET previous = 2 WHERE number = 3");
    for (const query of [get("k"), range(), range({ keysOnly: true }), history]) {
      const complaint = /kv\.db is damaged: change 2 is of another key than was looked for; while/;
      assert.throws(() => damaged.read({ ...query, ...past }), complaint, query.kind);
    }
    damaged.close();
  });

  it("to pass over keys whose newest changes are missing", () => {
    const damaged = damagedBy("DELETE FROM change WHERE number = 4");
    for (const query of [get("k"), range(), range({ keysOnly: true })]) {
      assert.throws(() => damaged.read(query), /kv\.db is damaged/, query.kind);
      assert.throws(() => damaged.read({ ...query, revision: 4 }), /kv\.db is damaged/, query.kind);
    }
    assert.throws(() => damaged.read(history), /kv\.db is damaged/);
    assert.equal(damaged.read(get("l")).kind, "records");
    assert.deepEqual(damaged.read(get("m")), {
      kind: "records",
      revision: 5,
      records: [undefined],
    });
    damaged.close();
  });
});

describe(`kv.db on ${runtime.name}: how it reaches the disk`, () => {
  /** Tables whose statements are written down as they are run. */
  function traced(): { readonly tables: SqliteKvTables; readonly trace: string[] } {
    const trace: string[] = [];
    const tables = openSqliteTables(temp.path, 1, {
      openSqlite: (path) => {
        const database = runtime.openSqlite(path);
        return {
          exec: (sql) => database.exec(sql),
          close: () => database.close(),
          prepare: (sql) => {
            const statement = database.prepare(sql);
            return {
              ...bound(statement),
              get: (...values) => {
                if (sql.includes("=") && sql.startsWith("PRAGMA")) trace.push(sql);
                return statement.get(...values);
              },
              run: (...values) => {
                trace.push(sql.split(" ").slice(0, 3).join(" "));
                return statement.run(...values);
              },
            };
          },
        };
      },
    });
    return { tables, trace };
  }

  it("with one transaction for many pages", () => {
    const { tables, trace } = traced();
    const machine = new KvStateMachine({ tables, commitEntriesMax: 6 });
    trace.length = 0;
    const maker = new EntryMaker();
    for (let page = 0; page < 4; page++) {
      machine.apply(maker.commands([put("a", "1"), put(`${page}`, "1")]));
      machine.read(get("a"));
    }
    const transactions = trace.filter((sql) => /^(BEGIN|COMMIT)/.test(sql));
    assert.deepEqual(transactions, ["BEGIN IMMEDIATE", "COMMIT", "BEGIN IMMEDIATE"]);
    assert.equal(trace.filter((sql) => sql.startsWith("INSERT OR REPLACE")).length, 1);
    machine.commit();
    machine.commit();
    assert.equal(trace.filter((sql) => sql === "COMMIT").length, 2);
    machine.close();
  });

  it("synced exactly where it is made durable", () => {
    const { tables, trace } = traced();
    const machine = new KvStateMachine({ tables });
    const maker = new EntryMaker();
    const synchronous = (): readonly string[] =>
      trace.filter((sql) => /^(BEGIN|COMMIT|PRAGMA synchronous)/.test(sql));
    const durably = [
      ...["PRAGMA synchronous = FULL", "BEGIN IMMEDIATE", "COMMIT"],
      ...["PRAGMA synchronous = NORMAL"],
    ];
    assert.deepEqual(synchronous(), ["PRAGMA synchronous = NORMAL"]);
    trace.length = 0;
    machine.apply(maker.commands([put("a", "1")]));
    machine.makeDurable(() => {});
    assert.deepEqual(synchronous(), ["BEGIN IMMEDIATE", "COMMIT", ...durably]);
    trace.length = 0;
    // What was committed before is not synced yet, although no transaction is open.
    machine.makeDurable(() => {});
    assert.deepEqual(synchronous(), durably);
    machine.close();
  });

  it("and falls back to the last commit when that is full", () => {
    let database: SqliteDatabase | undefined;
    const tables = openSqliteTables(temp.path, 1, {
      openSqlite: (path) => database = runtime.openSqlite(path),
    });
    const pages = (count: number): void => {
      database?.prepare(`PRAGMA max_page_count = ${count}`).get();
    };
    const machine = new KvStateMachine({ tables });
    const maker = new EntryMaker();
    machine.apply(maker.commands([put("a", "1")]));
    machine.commit();
    const { stateHash } = machine.status();
    pages(30);
    // Whether within a transaction or not: the savepoint goes with it.
    const large = { key: utf8("large"), value: new Uint8Array(1_000_000), prev: false };
    const then = [{ kind: "put", put: large }] as const;
    const txn = { kind: "txn", compares: [], then, otherwise: [] } as const;
    const page = maker.commands([put("b", "2", { ttlMs: 1_000 }), txn]);
    for (let attempt = 0; attempt < 3; attempt++) {
      assert.deepEqual(machine.apply(page), { full: true });
      assert.equal(machine.applied().position.index, 1);
      assert.deepEqual(machine.status().stateHash, stateHash);
      assert.equal(machine.read(get("a")).kind, "future");
    }
    assert.equal(tables.live(new Uint8Array([0x62])), undefined);
    pages(1_000_000);
    assert.equal(Array.isArray(machine.apply(page)), true);
    assert.equal(machine.read(get("b", "large")).kind, "records");
    machine.close();
  });

  it("and gives back what compaction has freed", () => {
    const machine = new KvStateMachine({ tables: openSqliteTables(temp.path) });
    const maker = new EntryMaker();
    const size = (): number => statSync(join(temp.path, "kv.db")).size;
    const value = new Uint8Array(20_000);
    for (let at = 0; at < 10; at++) {
      machine.apply(maker.commands(Array.from({ length: 50 }, (_, key) => put(`${key}`, value))));
    }
    machine.makeDurable(() => {});
    // A write behind the checkpoint that this brings about starts the WAL from its front.
    for (let at = 0; at < 2; at++) {
      machine.apply(maker.commands([put("last", new Uint8Array(8 * 1024 * 1024))]));
      machine.makeDurable(() => {});
    }
    const before = size();
    assert.ok(before > 10_000_000, `${before} bytes`);
    machine.apply(maker.commands([put("last", ""), { kind: "compact", revision: 504 }]));
    while (machine.purge());
    machine.close();
    // Fifty values are left: a megabyte.
    assert.ok(size() < 1_500_000, `${size()} bytes`);
    const again = new KvStateMachine({ tables: openSqliteTables(temp.path) });
    const answer = again.read(range({ revision: 504, bytesMax: 1e8 }));
    assert.equal(answer.kind === "range" ? answer.count : 0, 51);
    again.close();
  });

  it("and is not written any more once SQLite has failed", () => {
    let fails = false;
    const tables = openSqliteTables(temp.path, 1, {
      openSqlite: (path) => {
        const database = runtime.openSqlite(path);
        const prepare = (sql: string): SqliteStatement => {
          const statement = database.prepare(sql);
          const get = (...values: readonly SqliteValue[]): SqliteRow | undefined => {
            if (!fails) return statement.get(...values);
            // A read that fails ends the transaction that is open, as SQLite says of its errors.
            database.exec("ROLLBACK");
            throw new SqliteError("disk I/O error", 266);
          };
          return { ...bound(statement), get };
        };
        return {
          prepare,
          exec: (sql) => database.exec(sql),
          close: () => database.close(),
        };
      },
    });
    const machine = new KvStateMachine({ tables });
    const maker = new EntryMaker();
    machine.apply(maker.commands([put("a", "1")]));
    machine.commit();
    machine.apply(maker.commands([put("b", "2")]));
    fails = true;
    assert.throws(() => machine.read(get("a")), FatalStorageError);
    fails = false;
    assert.throws(() => machine.apply(maker.commands([put("c", "3")])), FatalStorageError);
    machine.close();
    const again = new KvStateMachine({ tables: openSqliteTables(temp.path) });
    assert.equal(again.applied().position.index, 1);
    again.apply([...new EntryMaker().commands([put("a", "1"), put("b", "2"), put("c", "3")])]);
    assert.equal(again.status().revision, 4);
    again.close();
  });
});
