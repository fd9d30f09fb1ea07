/** The statements over kv.db, prepared once: what the tables are asked, in SQL. */

import type { SqliteDatabase, SqliteStatement } from "../../runtime/mod.ts";
import {
  changeColumns,
  headColumns,
  insertChangeSql,
  keyedColumns,
  linkColumns,
  sliceColumns,
  unkeyedColumns,
} from "./kv_rows.ts";
import { replaceMetaSql } from "./kv_schema.ts";

/**
 * Statements that find one row by another's number use a subquery and no join: on both runtimes a
 * join costs several times as much to start as the two lookups together.
 */
export type KvStatements = ReturnType<typeof prepareAll>;

/** On a database with the schema of kv_schema.ts. */
export function prepareStatements(database: SqliteDatabase): KvStatements {
  return prepareAll(database);
}

function prepareAll(database: SqliteDatabase) {
  const prepare = (sql: string): SqliteStatement => database.prepare(sql);
  const newest = (table: string): SqliteStatement =>
    prepare(`SELECT count(*) AS keys, coalesce(max(number), 0) AS newest FROM
      (SELECT number FROM ${table} WHERE key >= ? AND key < ? LIMIT ?)`);
  return {
    begin: prepare("BEGIN IMMEDIATE"),
    commit: prepare("COMMIT"),
    rollback: prepare("ROLLBACK"),
    savepoint: prepare("SAVEPOINT command"),
    backToSavepoint: prepare("ROLLBACK TO command"),
    releaseSavepoint: prepare("RELEASE command"),
    replaceMeta: prepare(replaceMetaSql),
    insertChange: prepare(insertChangeSql),
    insertLive: prepare("INSERT INTO live VALUES (?, ?)"),
    updateLive: prepare("UPDATE live SET number = ? WHERE key = ?"),
    deleteLive: prepare("DELETE FROM live WHERE key = ?"),
    insertDead: prepare("INSERT INTO dead VALUES (?, ?)"),
    deleteDead: prepare("DELETE FROM dead WHERE key = ?"),
    removeChange: prepare("DELETE FROM change WHERE number = ?"),
    ledgerRow: prepare("SELECT key, value, crc32c FROM ledger WHERE key = ?"),
    setLedgerRow: prepare("INSERT OR REPLACE INTO ledger VALUES (?, ?, ?)"),
    deleteLedgerRow: prepare("DELETE FROM ledger WHERE key = ?"),
    head: prepare(`SELECT ${headColumns} FROM change WHERE number = coalesce(
      (SELECT number FROM live WHERE key = ?1), (SELECT number FROM dead WHERE key = ?1))`),
    live: prepare(`SELECT ${unkeyedColumns} FROM change
      WHERE number = (SELECT number FROM live WHERE key = ?)`),
    liveNumber: prepare("SELECT number FROM live WHERE key = ?"),
    deadNumber: prepare("SELECT number FROM dead WHERE key = ?"),
    change: prepare(`SELECT ${changeColumns} FROM change WHERE number = ?`),
    keyedChange: prepare(`SELECT ${keyedColumns} FROM change WHERE number = ?`),
    link: prepare(`SELECT ${linkColumns} FROM change WHERE number = ?`),
    firstFrom: prepare(
      "SELECT number, revision, time_ms FROM change WHERE number >= ? ORDER BY number LIMIT 1",
    ),
    changeSlice: prepare(`SELECT ${sliceColumns("key >= ? AND key < ?")} FROM change
      WHERE number >= ? ORDER BY number LIMIT ?`),
    countLive: prepare("SELECT count(*) AS keys FROM live WHERE key >= ? AND key < ?"),
    newestLive: newest("live"),
    newestDead: newest("dead"),
    lastChangeIn: prepare(`SELECT number FROM change WHERE number <= ? AND number > ?
      AND key >= ? AND key < ? ORDER BY number DESC LIMIT 1`),
    forward: prepareDirection(database, "ASC"),
    backward: prepareDirection(database, "DESC"),
  };
}

function prepareDirection(database: SqliteDatabase, order: "ASC" | "DESC") {
  const live = (columns: string): SqliteStatement =>
    database.prepare(`SELECT ${columns} FROM
      (SELECT key AS live_key, number AS live_number FROM live
        WHERE key >= ? AND key < ? ORDER BY key ${order} LIMIT ?)
      LEFT JOIN change ON number = live_number ORDER BY live_key ${order}`);
  return {
    live: live(keyedColumns),
    liveWithValues: live(sliceColumns()),
    dead: database.prepare(`SELECT key, number FROM dead WHERE key >= ? AND key < ?
      ORDER BY key ${order} LIMIT ?`),
    ledger: database.prepare(`SELECT key, value, crc32c FROM ledger WHERE key >= ? AND key < ?
      ORDER BY key ${order} LIMIT ?`),
    keyAtOffset: database.prepare(`SELECT key FROM live WHERE key >= ? AND key < ?
      ORDER BY key ${order} LIMIT 1 OFFSET ?`),
  };
}
