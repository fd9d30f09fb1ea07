/**
 * One data directory of one node, opened in the order that keeps it whole: the lock before anything
 * else is opened, the reserve before anything is written, the log before the identity, so that a
 * directory with an identity always had a log.
 *
 *     lock.db        held while the process lives (directory_lock.ts)
 *     pid            information: who holds it
 *     reserve        room for the way out of a full disk (reserve_file.ts)
 *     incarnation    as which it asks to be taken in, before it has an id (candidacy_file.ts)
 *     identity.json  who the directory belongs to (identity_file.ts)
 *     raft.db        the log on SQLite (sqlite/raft_schema.ts), or
 *     raft/          the log in plain files (file/frame.ts)
 *     raft.mark      what the log must at least hold (mark_file.ts)
 *     kv.db          the store, where the log is on SQLite (sqlite/kv_schema.ts)
 *     snapshots/     images of it, made and received (sqlite/kv_image_folder.ts)
 *
 * A directory that is refused stays as it was, but for its lock.
 */

import { accessSync, constants, existsSync, mkdirSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  type CandidacyStore,
  type Clock,
  FatalStorageError,
  type Identity,
  type IdentityStore,
  type StorageEngine,
} from "../../node/ports.ts";
import type { NodeId } from "../../raft/types.ts";
import type { Runtime } from "../../runtime/mod.ts";
import { FileEngine, logDirectoryName } from "../file/file_engine.ts";
import { kvApplicationId } from "../sqlite/kv_schema.ts";
import { raftDatabaseName, SqliteEngine } from "../sqlite/raft_engine.ts";
import { raftApplicationId } from "../sqlite/raft_schema.ts";
import { type DatabaseFile, databaseFile } from "../sqlite_header.ts";
import { CandidacyFile, candidacyFileName } from "./candidacy_file.ts";
import { type DirectoryLock, lockDirectory, lockFileName } from "./directory_lock.ts";
import { errorText, type Files, nodeFiles } from "./files.ts";
import { IdentityFile, wayBack } from "./identity_file.ts";
import { DataDirectoryError } from "./kept_file.ts";
import { type Mark, raftMarkName, readMark } from "./mark_file.ts";
import { reserveBytesDefault, ReserveFile } from "./reserve_file.ts";

const identityFileName = "identity.json";
const storeName = "kv.db";

export type EngineName = "sqlite" | "file";

/** Whose directory it must be, and what the log in it is made with. */
export interface DataDirectoryOptions {
  readonly path: string;
  readonly engine: EngineName;
  readonly openSqlite: Runtime["openSqlite"];
  readonly clock: Pick<Clock, "every">;
  /** Storage failed outside a call; the process ends with this error. */
  readonly onFatal: (error: FatalStorageError) => void;
  /** Whose directory this must be, as far as the configuration says. */
  readonly expected: { readonly clusterId?: string; readonly nodeId?: NodeId };
  /** Size of the reserve; 32 MiB when absent. */
  readonly reserveBytes?: number;
  /** Tests put a model of a disk here. */
  readonly files?: Files;
  readonly freeBytes?: () => number;
}

/** An open directory; nobody else has it until `close`. */
export interface DataDirectory {
  readonly path: string;
  readonly identity: IdentityStore;
  readonly candidacy: CandidacyStore;
  readonly engine: StorageEngine;
  /** Closes the log and gives the lock back. */
  close(): void;
}

/**
 * Opens the directory, made when it is not there. Throws {@link DataDirectoryError} when it is not
 * this node's, in use, or not writable, and {@link FatalStorageError} when its files cannot be
 * read.
 */
export function openDataDirectory(options: DataDirectoryOptions): DataDirectory {
  const { path, files = nodeFiles } = options;
  makeWritable(files, path);
  // Also under the lock, where it counts; here, so that no lock is left in a directory not ours.
  if (readIdentity(options, files) === undefined) requireUnused(files, path);
  const lock = lockDirectory(files, options.openSqlite, path);
  try {
    return openLocked(options, files, lock);
  } catch (error) {
    lock.release();
    throw error;
  }
}

function openLocked(
  options: DataDirectoryOptions,
  files: Files,
  lock: DirectoryLock,
): DataDirectory {
  const { path, clock, onFatal, openSqlite } = options;
  const identity = readIdentity(options, files);
  const hadLog = requireEngine(path, options.engine);
  if (options.engine === "sqlite") requireOurDatabases(files, path, identity);
  const mark = readMarkOf(files, path);
  if (!hadLog && identity === undefined && mark !== undefined) {
    throw withoutIdentity(path, `${raftMarkName} tells of a log`);
  }
  if (!hadLog && identity !== undefined && mark === undefined) throw withoutLog(options);
  const reserve = new ReserveFile({
    files,
    path: join(path, "reserve"),
    reserveBytes: options.reserveBytes ?? reserveBytesDefault,
    freeBytes: options.freeBytes ?? (() => freeBytesOf(path)),
  });
  reserve.poll();
  const freeBytes = (): number => reserve.poll();
  const common = { files, directory: path, clock, freeBytes, onFatal };
  const engine = options.engine === "sqlite"
    ? new SqliteEngine({ ...common, openSqlite })
    : new FileEngine(common);
  const { batchNumber, firstBad, badMeta } = engine.stored();
  const isUsed = batchNumber > 0 || firstBad !== undefined || badMeta || mark !== undefined;
  if (identity === undefined && isUsed) {
    engine.close();
    throw withoutIdentity(path, `${logName(options.engine)} holds a log`);
  }
  const kept = identityFile(files, path);
  const close = (): void => {
    kept.close();
    engine.close();
    lock.release();
  };
  const candidacy = new CandidacyFile(files, join(path, candidacyFileName));
  return { path, identity: kept, candidacy, engine, close };
}

function makeWritable(files: Files, path: string): void {
  try {
    const isNew = mkdirSync(path, { recursive: true, mode: 0o700 }) !== undefined;
    if (isNew) files.syncDirectory(dirname(path));
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const message = `Data directory ${path} cannot be used: ${errorText(cause)}`;
    throw new DataDirectoryError(message, { cause });
  }
}

function identityFile(files: Files, path: string): IdentityFile {
  return new IdentityFile(files, join(path, identityFileName));
}

/** Undefined when there is none yet; throws when it is another node's. */
function readIdentity(
  { path, expected }: DataDirectoryOptions,
  files: Files,
): Identity | undefined {
  const identity = identityFile(files, path).load();
  if (identity !== undefined) requireOwner(path, identity, expected);
  return identity;
}

function requireOwner(
  path: string,
  identity: Identity,
  expected: DataDirectoryOptions["expected"],
): void {
  const { clusterId = identity.clusterId, nodeId = identity.nodeId } = expected;
  if (clusterId === identity.clusterId && nodeId === identity.nodeId) return;
  throw new DataDirectoryError(
    `Data directory ${path} belongs to node ${identity.nodeId} of cluster ` +
      `"${identity.clusterId}", but this is node ${nodeId} of cluster "${clusterId}"`,
  );
}

/**
 * Without identity and lock this was never a node's directory, or not all of it is here, and what
 * lies under our names is not ours to touch.
 */
function requireUnused(files: Files, path: string): void {
  const names = files.list(path);
  if (names.includes(lockFileName)) return;
  const ours = [raftDatabaseName, logDirectoryName, raftMarkName, storeName];
  const found = names.filter((name) => ours.includes(name));
  if (found.length === 0) return;
  throw new DataDirectoryError(
    `Data directory ${path} holds ${found.join(", ")}, but neither ${identityFileName} nor ` +
      `${lockFileName}: it is not, or not all of, the directory of a node. Move this away, or ` +
      "set data_dir to another directory",
  );
}

/** Before they are opened. A log that is no database any more is damage where it was ours. */
function requireOurDatabases(files: Files, path: string, identity: Identity | undefined): void {
  const databases = [
    { name: raftDatabaseName, applicationId: raftApplicationId },
    { name: storeName, applicationId: kvApplicationId },
  ];
  for (const { name, applicationId } of databases) {
    const file = join(path, name);
    const found = judgeDatabase(files, file, applicationId);
    if (found === "foreign") {
      throw new DataDirectoryError(
        `${file} is a database of another program. Move it away, or set data_dir to another ` +
          "directory",
      );
    }
    if (found === "junk" && identity === undefined) {
      throw withoutIdentity(path, `${name} holds what this program cannot read`);
    }
  }
}

function judgeDatabase(files: Files, file: string, applicationId: number): DatabaseFile {
  try {
    return databaseFile(files, file, applicationId);
  } catch (error) {
    throw new DataDirectoryError(`${file} could not be read: ${errorText(error)}`);
  }
}

function withoutIdentity(path: string, but: string): DataDirectoryError {
  return new DataDirectoryError(
    `${identityFileName} is missing from ${path}, but ${but}. ${wayBack}`,
  );
}

/** True when there is a log already; a log of the other engine is not silently begun anew. */
function requireEngine(path: string, engine: EngineName): boolean {
  const has = {
    sqlite: existsSync(join(path, raftDatabaseName)),
    file: existsSync(join(path, logDirectoryName, "meta")),
  };
  const other = engine === "sqlite" ? "file" : "sqlite";
  if (has[other]) {
    throw new DataDirectoryError(
      `Data directory ${path} holds a log of the ${other} engine: storage.engine is ${engine}, ` +
        `allowed there is ${other}`,
    );
  }
  return has[engine];
}

/**
 * A log that was taken away: with a mark the loss has a size, and recovery handles it; without one
 * the node could vote twice in a term that it no longer knows of.
 */
function withoutLog({ path, engine }: DataDirectoryOptions): DataDirectoryError {
  return new DataDirectoryError(
    `${logName(engine)} is missing from ${path}, and ${raftMarkName} does not tell what it held. ` +
      wayBack,
  );
}

function readMarkOf(files: Files, path: string): Mark | undefined {
  try {
    return readMark(files, join(path, raftMarkName));
  } catch (error) {
    if (error instanceof FatalStorageError) throw error;
    const message = `${join(path, raftMarkName)} could not be read: ${errorText(error)}`;
    throw new FatalStorageError(message, { cause: error });
  }
}

function logName(engine: EngineName): string {
  return engine === "sqlite" ? raftDatabaseName : `${logDirectoryName}/`;
}

function freeBytesOf(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
