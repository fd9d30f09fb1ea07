/**
 * lock.db: keeps a second process out of a data directory. Two processes on one log would tear it
 * apart, and two connections to one WAL file are corrupting before SQLite 3.51.3.
 *
 * The lock is an exclusive SQLite transaction that stays open as long as the process lives. The
 * kernel gives it back when the process ends, in whatever way, kill -9 included; a lock file with a
 * process id in it would outlive its process, and the id may belong to somebody else by then. For
 * that reason the file `pid` beside it is only information, for the message to the second process.
 *
 * Format 1: a SQLite database without tables, application_id 0x736B6C6B ("sklk"), user_version 1,
 * rollback journal. Nothing in this process may open lock.db again while the lock is held: closing
 * any other descriptor of the file would drop the lock (fcntl(2)).
 */

import { join } from "node:path";
import process from "node:process";
import { strictText, utf8 } from "../../lib/bytes.ts";
import { type Runtime, type SqliteDatabase, SqliteError } from "../../runtime/mod.ts";
import { isDamage } from "../sqlite/raft_database.ts";
import { readPragma } from "../sqlite_pragma.ts";
import { errorText, type Files } from "./files.ts";
import { DataDirectoryError } from "./kept_file.ts";

export const lockFileName = "lock.db";
export const pidFileName = "pid";
const applicationId = 0x736b6c6b;
const formatVersion = 1;
const sqliteBusy = 5;

/**
 * The connections of all locks that are held. Both drivers close a connection that is collected as
 * garbage, and with it the lock would go, long before the process.
 */
const held = new Set<SqliteDatabase>();

/** A lock that is held. The end of the process releases it as well. */
export interface DirectoryLock {
  release(): void;
}

/** Throws {@link DataDirectoryError} when another process has the directory. */
export function lockDirectory(
  files: Files,
  openSqlite: Runtime["openSqlite"],
  directory: string,
): DirectoryLock {
  const database = openLock(openSqlite, directory);
  try {
    database.exec("PRAGMA busy_timeout = 0");
    database.exec("BEGIN EXCLUSIVE");
    if (isNew(database, directory)) {
      database.exec(`PRAGMA application_id = ${applicationId}`);
      database.exec(`PRAGMA user_version = ${formatVersion}`);
      database.exec("COMMIT");
      database.exec("BEGIN EXCLUSIVE");
    }
  } catch (error) {
    database.close();
    throw lockError(files, directory, error);
  }
  held.add(database);
  writePid(files, directory);
  return {
    release: () => {
      held.delete(database);
      files.remove(join(directory, pidFileName));
      database.close();
    },
  };
}

function openLock(openSqlite: Runtime["openSqlite"], directory: string): SqliteDatabase {
  try {
    return openSqlite(join(directory, lockFileName));
  } catch (error) {
    const message = `${join(directory, lockFileName)} could not be opened: ${errorText(error)}`;
    throw new DataDirectoryError(message, { cause: error });
  }
}

function isNew(database: SqliteDatabase, directory: string): boolean {
  const application = readPragma(database, "application_id");
  const version = readPragma(database, "user_version");
  const changes = readPragma(database, "schema_version");
  if (application === 0 && version === 0 && changes === 0) return true;
  const path = join(directory, lockFileName);
  if (application !== applicationId) {
    throw new DataDirectoryError(`${path} is not a lock file of this program. Move it away`);
  }
  if (version !== formatVersion) {
    const known = `this program knows ${formatVersion}`;
    throw new DataDirectoryError(`${path} has format ${version}, ${known}`);
  }
  return false;
}

function lockError(files: Files, directory: string, error: unknown): unknown {
  if (!(error instanceof SqliteError)) return error;
  if ((error.resultCode & 0xff) !== sqliteBusy) {
    const wayOut = isDamage(error) ? ". It holds nothing: while no node runs there, remove it" : "";
    const message = `${
      join(directory, lockFileName)
    } could not be locked: ${error.message}${wayOut}`;
    return new DataDirectoryError(message, { cause: error });
  }
  const pid = strictText(files.read(join(directory, pidFileName)) ?? utf8(""))?.trim();
  const holder = pid === undefined || pid === "" ? "another process" : `process ${pid}`;
  return new DataDirectoryError(
    `Data directory ${directory} is in use by ${holder}; one directory serves one process`,
  );
}

/** Information for people and tests, so a failure to write it is not worth ending for. */
function writePid(files: Files, directory: string): void {
  try {
    const file = files.open(join(directory, pidFileName), "create");
    file.write(utf8(`${process.pid}\n`), 0);
    file.close();
  } catch {
    // A full disk must not keep a node from starting: the lock itself needs no space.
  }
}
