/** What both drivers ask of the SQL and the values they are handed, and of SQLite itself. */

import { type SqliteDatabase, SqliteError, type SqliteValue } from "./mod.ts";

/** SQLITE_MISUSE: the caller's fault, not the database's. */
export const misuseCode = 21;

const blank = /^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/)*/;

/** `sql` from its first statement on; empty when there is none. */
export function fromFirstStatement(sql: string): string {
  return sql.slice(blank.exec(sql)?.[0].length ?? 0);
}

/**
 * A blank statement is refused before the drivers see it: node:sqlite on Deno 2.9.3 crashes on one.
 */
export function requireStatement(sql: string): void {
  if (fromFirstStatement(sql) === "") {
    throw new SqliteError("The SQL holds no statement", misuseCode);
  }
}

/** Text with a NUL is refused: node:sqlite on Deno 2.9.3 cuts it there when it reads it back. */
export function requireStorable(value: SqliteValue): void {
  if (typeof value === "string" && value.includes("\0")) {
    throw new SqliteError("Text with a NUL character cannot be stored", misuseCode);
  }
}

/** The version of SQLite that `database` is opened with. Closes it. */
export function sqliteVersionOf(database: SqliteDatabase): string {
  try {
    return String(database.prepare("SELECT sqlite_version() AS version").get()?.["version"]);
  } finally {
    database.close();
  }
}
