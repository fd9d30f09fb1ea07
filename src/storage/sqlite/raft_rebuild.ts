/**
 * Writes the intact part of a damaged raft.db into a new file and puts that in its place. A damaged
 * B-tree cannot be trusted to delete what is wrong in it, and one way for every kind of damage is
 * one that is tested.
 */

import { dirname } from "node:path";
import { assert } from "../../lib/assert.ts";
import { decodeConfiguration } from "../../raft/encoding.ts";
import type { Entry, Index } from "../../raft/types.ts";
import type { Runtime, SqliteDatabase } from "../../runtime/mod.ts";
import type { Files } from "../directory/files.ts";
import type { LogOutline } from "../log_outline.ts";
import { setPragma } from "../sqlite_pragma.ts";
import { entryValues } from "./raft_rows.ts";
import {
  boundaryValues,
  configurationValues,
  createSchema,
  insertBoundarySql,
  insertConfigurationSql,
  insertEntrySql,
  insertStateSql,
  runOnce,
  stateValues,
} from "./raft_schema.ts";

const pageBytesMax = 1024 * 1024;
/** What SQLite keeps beside a database, under its name. */
const companions = ["-wal", "-shm", "-journal"];

/** What to write anew, and where the entries come from. */
export interface RebuildOptions {
  readonly openSqlite: Runtime["openSqlite"];
  readonly files: Files;
  readonly path: string;
  /** What the new file shall hold. */
  readonly outline: LogOutline;
  /** Entries of the old file. */
  readonly page: (
    range: { readonly from: Index; readonly to: Index; readonly bytesMax: number },
  ) => readonly Entry[];
  /** Closes the old file, once everything was read. */
  readonly close: () => void;
}

/** Durable on return. Throws what SQLite and the file system throw. */
export function rebuildDatabase(options: RebuildOptions): void {
  const { files, path } = options;
  const beside = `${path}.new`;
  removeDatabase(files, beside);
  const database = options.openSqlite(beside);
  try {
    setPragma(database, { name: "synchronous", to: "FULL", reads: 2 });
    createSchema(database);
    copy(options, database);
  } finally {
    database.close();
  }
  options.close();
  // The old WAL must be gone before the new file has the name: SQLite replays any WAL it finds.
  for (const suffix of companions) files.remove(path + suffix);
  files.syncDirectory(dirname(path));
  files.rename(beside, path);
  files.syncDirectory(dirname(path));
}

function copy(options: RebuildOptions, database: SqliteDatabase): void {
  const { outline, page } = options;
  database.exec("BEGIN IMMEDIATE");
  runOnce(database, insertBoundarySql, boundaryValues(outline.boundary));
  runOnce(database, insertStateSql, stateValues(outline));
  const insertEntry = database.prepare(insertEntrySql);
  for (let from = outline.firstIndex; from <= outline.lastIndex;) {
    const entries = page({ from, to: outline.lastIndex, bytesMax: pageBytesMax });
    assert(entries.length > 0, `Entry ${from} was intact and is not any more`);
    for (const entry of entries) {
      insertEntry.run(...entryValues(entry));
      if (entry.kind !== "configuration") continue;
      const position = { index: entry.index, term: entry.term };
      const configuration = decodeConfiguration(entry.data);
      runOnce(database, insertConfigurationSql, configurationValues({ position, configuration }));
    }
    from += entries.length;
  }
  insertEntry.finalize();
  database.exec("COMMIT");
}

function removeDatabase(files: Files, path: string): void {
  for (const suffix of ["", ...companions]) files.remove(path + suffix);
}
