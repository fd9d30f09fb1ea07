/**
 * The one connection to raft.db. SQLite before 3.51.3 can corrupt a WAL file that has two, so the
 * locking mode is exclusive: a second connection, of whatever program, is refused by the first.
 */

import { basename, dirname } from "node:path";
import { FatalStorageError } from "../../node/ports.ts";
import { type Runtime, type SqliteDatabase, SqliteError } from "../../runtime/mod.ts";
import { errorText, type Files, syncFound } from "../directory/files.ts";
import { readPragma, setPragma } from "../sqlite_pragma.ts";
import { createSchema, findSchema } from "./raft_schema.ts";

const sqliteBusy = 5;
const sqliteCorrupt = 11;
const sqliteFull = 13;
const sqliteNotADatabase = 26;
const synchronousFull = 2;

/** Where SQLite itself would checkpoint inside a commit; housekeeping comes long before. */
export const walPagesBackstop = 16_384;
/** A WAL grown beyond this by one huge transaction is cut back at its next start from the front. */
const walBytesKept = 64 * 1024 * 1024;

/** Where raft.db stands, and what opens it. */
export interface RaftDatabaseOptions {
  readonly openSqlite: Runtime["openSqlite"];
  readonly files: Files;
  readonly path: string;
}

/** True for the errors by which SQLite says that a file is no longer what it wrote. */
export function isDamage(error: unknown): boolean {
  if (!(error instanceof SqliteError)) return false;
  const code = error.resultCode & 0xff;
  return code === sqliteCorrupt || code === sqliteNotADatabase;
}

/** True for SQLITE_FULL: the disk, or the database's page limit, is at its end. */
export function isFull(error: unknown): boolean {
  return error instanceof SqliteError && (error.resultCode & 0xff) === sqliteFull;
}

/** Opens raft.db, made when it is not there; undefined when what is there is no database. */
export function openRaftDatabase(options: RaftDatabaseOptions): SqliteDatabase | undefined {
  const { openSqlite, files, path } = options;
  let database: SqliteDatabase | undefined;
  try {
    // Before SQLite has the file: closing it here would give up SQLite's lock on it.
    syncFound(files, dirname(path), [basename(path), `${basename(path)}-wal`]);
    database = openSqlite(path);
    configure(database);
    const schema = findSchema(database, path);
    if (schema === "intact") return database;
    if (schema === "none") {
      createSchema(database);
      // The WAL's own first sync names the file in its directory on some systems, not on all.
      files.syncDirectory(dirname(path));
      return database;
    }
    closeQuietly(database);
    return undefined;
  } catch (error) {
    closeQuietly(database);
    if (isDamage(error)) return undefined;
    throw raftDatabaseError(path, "opened", error);
  }
}

function configure(database: SqliteDatabase): void {
  setPragma(database, { name: "busy_timeout", to: 0, reads: 0 });
  // Before the first access, so that the WAL index lives in memory and needs no -shm file.
  setPragma(database, { name: "locking_mode", to: "EXCLUSIVE", reads: "exclusive" });
  setPragma(database, { name: "journal_mode", to: "WAL", reads: "wal" });
  setPragma(database, { name: "synchronous", to: "FULL", reads: synchronousFull });
  // On macOS fsync alone leaves data in the drive's cache; elsewhere this changes nothing.
  setPragma(database, { name: "fullfsync", to: 1, reads: 1 });
  setPragma(database, { name: "checkpoint_fullfsync", to: 1, reads: 1 });
  setPragma(database, {
    name: "wal_autocheckpoint",
    to: walPagesBackstop,
    reads: walPagesBackstop,
  });
  readPragma(database, `journal_size_limit = ${walBytesKept}`);
}

/** Any error as the one that ends the process: which file, what was tried, why it failed. */
export function raftDatabaseError(path: string, what: string, cause: unknown): FatalStorageError {
  if (cause instanceof FatalStorageError) return cause;
  const isBusy = cause instanceof SqliteError && (cause.resultCode & 0xff) === sqliteBusy;
  const code = cause instanceof SqliteError ? ` (SQLite result code ${cause.resultCode})` : "";
  const why = isBusy ? "another connection has it open" : errorText(cause);
  return new FatalStorageError(`${path} could not be ${what}: ${why}${code}`, { cause });
}

/** Closes a connection whose file is given up; what it complains of does not matter any more. */
export function closeQuietly(database: SqliteDatabase | undefined): void {
  try {
    database?.close();
  } catch {
    // A damaged file cannot be checkpointed at close.
  }
}
