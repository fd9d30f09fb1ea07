/**
 * Real SQLite without a file: the statements, types and limits of the store's tables, at the speed
 * that a simulation needs. A database in memory has no write-ahead log, and says so; the one
 * question after it is answered as a file would, so that the tables open as they do in production.
 */

import { SqliteKvTables } from "../../src/storage/sqlite/kv_tables.ts";
import type { Runtime, SqliteDatabase } from "../../src/runtime/mod.ts";
import { currentRuntime } from "./runtime.ts";

const runtime = await currentRuntime();

/** Tables that nobody else sees and that go with the object. */
export function memorySqliteTables(): SqliteKvTables {
  return new SqliteKvTables({
    openSqlite,
    path: ":memory:",
    clusterId: "simulation",
    firstLogIndex: () => 1,
  });
}

const openSqlite: Runtime["openSqlite"] = (path) => {
  const database = runtime.openSqlite(path);
  const prepare: SqliteDatabase["prepare"] = (sql) => {
    const statement = database.prepare(sql);
    if (!/^PRAGMA journal_mode/.test(sql)) return statement;
    return {
      run: (...values) => statement.run(...values),
      get: () => ({ journal_mode: "wal" }),
      all: () => [{ journal_mode: "wal" }],
      finalize: () => statement.finalize(),
    };
  };
  return {
    prepare,
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
  };
};
