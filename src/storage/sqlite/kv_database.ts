/** Opens the one connection to kv.db. A second one, of whatever program, is refused. */

import { basename } from "node:path";
import { FatalStorageError } from "../../node/ports.ts";
import type { Index } from "../../raft/types.ts";
import { type Runtime, type SqliteDatabase, SqliteError } from "../../runtime/mod.ts";
import { readPragma, setPragma } from "../sqlite_pragma.ts";
import type { KvImageOptions } from "./kv_image_folder.ts";
import {
  createKvSchema,
  DamagedRowError,
  hasKvSchema,
  OldFormatError,
  readMeta,
} from "./kv_schema.ts";

/** Where the store lies and whose it is. */
export interface KvDatabaseOptions {
  readonly openSqlite: Runtime["openSqlite"];
  readonly path: string;
  /** Whose store this is: a file of another cluster is refused. */
  readonly clusterId: string;
  /**
   * The first entry of the log beside it: whether the store can be built anew from there.
   * Undefined: it is a copy of a store.
   */
  readonly firstLogIndex: () => Index | undefined;
  /** Where images of it are made and received. */
  readonly images: KvImageOptions;
}

/** SQLite's result code for a disk without room. */
export const sqliteFull = 13;

const synchronousNormal = 1;
const sqliteBusy = 5;
const sqliteCorrupt = 11;
const sqliteNotADatabase = 26;
/**
 * The commit that takes the WAL past this many pages moves them into the main file: 8 MiB, some
 * milliseconds of work.
 */
export const checkpointPages = 2_048;
/** A WAL grown beyond this by one huge transaction is cut back at its next start from the front. */
const walBytesKept = 64 * 1024 * 1024;
/** The page cache, KiB: the inner pages of tens of millions of keys, and one transaction. */
const cacheKib = 64 * 1024;

/** Throws FatalStorageError: the file cannot be opened, is foreign, damaged, or in use. */
export function openKvDatabase(options: KvDatabaseOptions): SqliteDatabase {
  const { openSqlite, path, clusterId } = options;
  let database: SqliteDatabase | undefined;
  try {
    database = openSqlite(path);
    claim(database);
    // Before anything is set that a file of another kind or format would not take.
    const isMade = hasKvSchema(database, path);
    configure(database);
    if (!isMade) createKvSchema(database, clusterId);
    const owner = readMeta(database).clusterId;
    if (owner === clusterId) return database;
    throw new FatalStorageError(
      `${path} belongs to cluster ${owner}, this node to cluster ${clusterId}`,
    );
  } catch (error) {
    closeQuietly(database);
    throw kvDatabaseError(options, "opened", error);
  }
}

/** Nobody else may have it open, of whatever program. Before anything else is asked of it. */
export function claim(database: SqliteDatabase): void {
  setPragma(database, { name: "busy_timeout", to: 0, reads: 0 });
  // Before the first access, so that the WAL index lives in memory and needs no -shm file.
  setPragma(database, { name: "locking_mode", to: "EXCLUSIVE", reads: "exclusive" });
}

function configure(database: SqliteDatabase): void {
  // Before the file gets its first page: what compaction frees can then be given back.
  setPragma(database, { name: "auto_vacuum", to: "INCREMENTAL", reads: 2 });
  setPragma(database, { name: "journal_mode", to: "WAL", reads: "wal" });
  setSynchronous(database, "NORMAL");
  // On macOS fsync alone leaves data in the drive's cache; elsewhere this changes nothing.
  setPragma(database, { name: "fullfsync", to: 1, reads: 1 });
  setPragma(database, { name: "checkpoint_fullfsync", to: 1, reads: 1 });
  setPragma(database, { name: "wal_autocheckpoint", to: checkpointPages, reads: checkpointPages });
  setPragma(database, { name: "cache_size", to: -cacheKib, reads: -cacheKib });
  setPragma(database, { name: "temp_store", to: "MEMORY", reads: 2 });
  readPragma(database, `journal_size_limit = ${walBytesKept}`);
}

/** Between transactions only: inside one SQLite refuses it. Throws where it does not take. */
export function setSynchronous(database: SqliteDatabase, level: "NORMAL" | "FULL"): void {
  const reads = level === "NORMAL" ? synchronousNormal : synchronousNormal + 1;
  setPragma(database, { name: "synchronous", to: level, reads });
}

type Place = Pick<KvDatabaseOptions, "path" | "firstLogIndex">;

/** The one line with which the process ends: which file, what was wanted of it, and why not. */
export function kvDatabaseError(place: Place, what: string, cause: unknown): FatalStorageError {
  if (cause instanceof FatalStorageError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof DamagedRowError) return kvDamageError(place, text);
  if (cause instanceof OldFormatError) return oldFormatError(place, text);
  const failed = `${place.path} could not be ${what}`;
  if (!(cause instanceof SqliteError)) {
    return new FatalStorageError(`${failed}: ${text}`, { cause });
  }
  const result = cause.resultCode & 0xff;
  const code = `(SQLite result code ${cause.resultCode})`;
  if (result === sqliteCorrupt || result === sqliteNotADatabase) {
    return kvDamageError(place, `${text} ${code}`);
  }
  const why = result === sqliteBusy ? "another connection has it open" : text;
  return new FatalStorageError(`${failed}: ${why} ${code}`, { cause });
}

/** The line with which it ends over a damaged file, which tells what a person can do. */
export function kvDamageError(place: Place, what: string): FatalStorageError {
  const orElse = `while the node is stopped, remove ${filesOf(place)} and the leader sends an ` +
    "image of its own; a node that is alone needs a backup";
  return new FatalStorageError(`${place.path} is damaged: ${what}; ${wayOut(place, orElse)}`);
}

function oldFormatError(place: Place, format: string): FatalStorageError {
  const orElse = "go on with the version of the program that wrote it";
  return new FatalStorageError(`${place.path} has ${format}; ${wayOut(place, orElse)}`);
}

/** To build the store anew from the log, where that goes back to its beginning. */
function wayOut(place: Place, orElse: string): string {
  const first = place.firstLogIndex();
  if (first === undefined) return "it is a copy of the store, which may be damaged as well";
  if (first === 1) {
    return `while the node is stopped, remove ${filesOf(place)} and the next start builds the ` +
      "store anew from the log";
  }
  return `the log begins at entry ${first}, so that the store cannot be built anew from it: ` +
    orElse;
}

function filesOf({ path }: Place): string {
  return `${path}, and ${basename(path)}-wal and -shm where they exist,`;
}

function closeQuietly(database: SqliteDatabase | undefined): void {
  try {
    database?.close();
  } catch {
    // A damaged file cannot be checkpointed at close; the first error is the one to tell.
  }
}
