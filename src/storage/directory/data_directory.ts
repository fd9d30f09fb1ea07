/**
 * One data directory of one node, opened in the order that keeps it whole: the lock before anything
 * is read, the reserve before anything is written, the log before the identity, so that a directory
 * with an identity always had a log.
 *
 *     lock.db        held while the process lives (directory_lock.ts)
 *     pid            information: who holds it
 *     reserve        room for the way out of a full disk (reserve_file.ts)
 *     identity.json  who the directory belongs to (identity_file.ts)
 *     raft.db        the log on SQLite (sqlite/raft_schema.ts), or
 *     raft/          the log in plain files (file/frame.ts)
 *     raft.mark      what the log must at least hold (mark_file.ts)
 */

import { accessSync, constants, existsSync, mkdirSync, statfsSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  type Clock,
  FatalStorageError,
  type Identity,
  type IdentityStore,
  type StorageEngine,
} from "../../node/ports.ts";
import type { NodeId } from "../../raft/types.ts";
import type { Runtime } from "../../runtime/mod.ts";
import { FileEngine, logDirectoryName } from "../file/file_engine.ts";
import { raftDatabaseName, SqliteEngine } from "../sqlite/raft_engine.ts";
import { type DirectoryLock, lockDirectory } from "./directory_lock.ts";
import { errorText, type Files, nodeFiles } from "./files.ts";
import { DataDirectoryError, IdentityFile } from "./identity_file.ts";
import { MarkFile, raftMarkName } from "./mark_file.ts";
import { reserveBytesDefault, ReserveFile } from "./reserve_file.ts";

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
  const reserve = new ReserveFile({
    files,
    path: join(path, "reserve"),
    reserveBytes: options.reserveBytes ?? reserveBytesDefault,
    freeBytes: options.freeBytes ?? (() => freeBytesOf(path)),
  });
  reserve.poll();
  const store = new IdentityFile(files, join(path, "identity.json"));
  const identity = store.load();
  if (identity !== undefined) requireOwner(path, identity, options.expected);
  const hadLog = requireEngine(path, options.engine);
  if (identity !== undefined && !hadLog) requireMark(files, options);
  const freeBytes = (): number => reserve.poll();
  const common = { files, directory: path, clock, freeBytes, onFatal };
  const engine = options.engine === "sqlite"
    ? new SqliteEngine({ ...common, openSqlite })
    : new FileEngine(common);
  try {
    if (identity === undefined && engine.stored().batchNumber > 0) {
      throw new DataDirectoryError(
        `identity.json is missing from ${path}, but ${logName(options.engine)} holds a log. ` +
          "Restore it from a copy, or give this node a new id and an empty directory",
      );
    }
  } catch (error) {
    engine.close();
    throw error;
  }
  const close = (): void => {
    engine.close();
    lock.release();
  };
  return { path, identity: store, engine, close };
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

/** True when there is a log already; a log of the other engine is not silently begun anew. */
function requireEngine(path: string, engine: EngineName): boolean {
  const has = {
    sqlite: existsSync(join(path, raftDatabaseName)),
    file: existsSync(join(path, logDirectoryName, "meta")),
  };
  const other = engine === "sqlite" ? "file" : "sqlite";
  if (has[other]) {
    const message = `Data directory ${path} holds a log of the ${other} engine, asked for is `;
    throw new DataDirectoryError(message + engine);
  }
  return has[engine];
}

/**
 * A log that was taken away: with a mark the loss has a size, and recovery handles it; without one
 * the node could vote twice in a term that it no longer knows of.
 */
function requireMark(files: Files, { path, engine }: DataDirectoryOptions): void {
  const mark = new MarkFile(files, join(path, raftMarkName));
  const isMarked = mark.read() !== undefined;
  mark.close();
  if (isMarked) return;
  throw new DataDirectoryError(
    `${logName(engine)} is missing from ${path}, and raft.mark does not tell what it held. Give ` +
      "this node a new id and an empty directory",
  );
}

function logName(engine: EngineName): string {
  return engine === "sqlite" ? raftDatabaseName : `${logDirectoryName}/`;
}

function freeBytesOf(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
