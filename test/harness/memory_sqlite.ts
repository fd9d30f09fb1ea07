/**
 * Real SQLite without a file: the statements, types and limits of the store's tables, at the speed
 * that a simulation needs. A database in memory has no write-ahead log, and says so; the one
 * question after it is answered as a file would, so that the tables open as they do in production.
 * Its images are those of a store in memory: there is no file to copy.
 */

import type { Change, KvTables } from "../../src/kv/ports.ts";
import { assertDefined } from "../../src/lib/assert.ts";
import { hex } from "../../src/lib/bytes.ts";
import { MemoryImages } from "../../src/storage/memory/kv_images.ts";
import { SqliteKvTables } from "../../src/storage/sqlite/kv_tables.ts";
import type { Runtime, SqliteDatabase } from "../../src/runtime/mod.ts";
import { bound } from "./bound_statement.ts";
import { imagesIn } from "./kv_images.ts";
import { currentRuntime } from "./runtime.ts";

const runtime = await currentRuntime();

/** Tables that nobody else sees and that go with the object. */
export function memorySqliteTables(): KvTables {
  let database: SqliteDatabase | undefined;
  const tables = new SqliteKvTables({
    openSqlite: (path) => database = openSqlite(path),
    path: ":memory:",
    clusterId: "simulation",
    firstLogIndex: () => 1,
    images: imagesIn(":memory:"),
  });
  withRowImages(tables, () => {
    for (const table of ["change", "live", "dead", "ledger"]) {
      database?.exec(`DELETE FROM ${table}`);
    }
  });
  return tables;
}

/** `empty` takes all rows away. */
function withRowImages(tables: KvTables, empty: () => void): void {
  const images = new MemoryImages({ clusterId: "simulation" });
  const append = tables.append.bind(tables);
  const setLedgerRow = tables.setLedgerRow.bind(tables);
  const commit = tables.commit.bind(tables);
  tables.image = (done) => {
    const meta = tables.stored();
    const changes: Change[] = [];
    for (let number = 1; number <= meta.changes; number++) {
      const change = tables.change(number);
      if (change !== undefined) changes.push(change);
    }
    const ledger = tables.ledgerSlice({
      ...{ start: new Uint8Array(0), reverse: false, rowsMax: Number.MAX_SAFE_INTEGER },
    });
    images.make({ meta, changes, ledger }, done);
  };
  tables.stage = (meta) => images.stage(meta);
  tables.staged = () => images.staged?.meta;
  tables.adopt = () => {
    const { rows } = assertDefined(images.staged, "There is an image to adopt");
    empty();
    const heads = new Map<string, "live" | "dead">();
    for (const change of rows.changes) {
      const key = hex(change.key);
      append(change, heads.get(key) ?? "absent");
      heads.set(key, change.version === 0 ? "dead" : "live");
    }
    for (const row of rows.ledger) setLedgerRow(row);
    commit(rows.meta, "durable");
    images.forget();
  };
}

const openSqlite: Runtime["openSqlite"] = (path) => {
  const database = runtime.openSqlite(path);
  const prepare: SqliteDatabase["prepare"] = (sql) => {
    const statement = database.prepare(sql);
    if (!/^PRAGMA journal_mode/.test(sql)) return statement;
    return {
      ...bound(statement),
      get: () => ({ journal_mode: "wal" }),
      all: () => [{ journal_mode: "wal" }],
    };
  };
  return {
    prepare,
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
  };
};
