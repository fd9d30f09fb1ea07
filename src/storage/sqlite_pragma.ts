/** Reading and asserting SQLite's settings, which differ between builds and are set in silence. */

import { FatalStorageError } from "../node/ports.ts";
import type { SqliteDatabase, SqliteValue } from "../runtime/mod.ts";

/** The first column of the first row that `PRAGMA pragma` answers. */
export function readPragma(database: SqliteDatabase, pragma: string): SqliteValue | undefined {
  const statement = database.prepare(`PRAGMA ${pragma}`);
  try {
    const row = statement.get();
    return row === undefined ? undefined : Object.values(row)[0];
  } finally {
    statement.finalize();
  }
}

/**
 * Sets a pragma and reads it back: SQLite answers an unknown or refused setting with silence, and a
 * log that believes itself synced would lose what it promised.
 */
export function setPragma(
  database: SqliteDatabase,
  setting: { readonly name: string; readonly to: string | number; readonly reads: SqliteValue },
): void {
  readPragma(database, `${setting.name} = ${setting.to}`);
  const found = readPragma(database, setting.name);
  if (found === setting.reads) return;
  throw new FatalStorageError(
    `SQLite keeps PRAGMA ${setting.name} at ${found}, needed is ${setting.to}`,
  );
}
