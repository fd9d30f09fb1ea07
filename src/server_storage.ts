/** Opens what the node keeps on disk: the data directory with log and identity, then the store. */

import { join } from "node:path";
import type { Config } from "./config/schema.ts";
import type { KvTables } from "./kv/ports.ts";
import type {
  CandidacyStore,
  Clock,
  IdentityStore,
  SnapshotImage,
  StorageEngine,
} from "./node/ports.ts";
import type { Runtime } from "./runtime/mod.ts";
import { WorkerImages } from "./server_worker.ts";
import {
  type HeldFiles,
  HeldFilesInDirectory,
  HeldFilesInMemory,
} from "./storage/backup/held_files.ts";
import { type DataDirectory, openDataDirectory } from "./storage/directory/data_directory.ts";
import { nodeFiles } from "./storage/directory/files.ts";
import { MemoryKvTables } from "./storage/memory/kv_tables.ts";
import { MemoryDisk, MemoryEngine } from "./storage/memory/memory_engine.ts";
import { MemoryCandidacy } from "./storage/memory/memory_candidacy.ts";
import { MemoryIdentity } from "./storage/memory/memory_identity.ts";
import { openMemoryImage } from "./storage/memory/open_image.ts";
import { SqliteKvTables } from "./storage/sqlite/kv_tables.ts";
import { openSqliteImage } from "./storage/sqlite/open_image.ts";

/** Log and identity of one node; its store is opened once it is known whose it is. */
export interface OpenedStorage {
  readonly engine: StorageEngine;
  readonly identities: IdentityStore;
  readonly candidacy: CandidacyStore;
  openTables(clusterId: string): KvTables;
  readonly backups: BackupStorage;
  /** Closes the log and gives the lock back; the tables belong to the state machine. */
  close(): void;
}

/** Where backups of the store are made. */
export interface BackupStorage {
  readonly files: HeldFiles;
  /** An image of the store as tables, in a file of `files`, to be closed by who asked. */
  openImage(
    image: SnapshotImage,
    clusterId: string,
    files: HeldFiles,
  ): Promise<{ readonly tables: KvTables; readonly close: () => void }>;
}

/**
 * The log and the store go together: SQLite holds both; with the log in plain files, or in memory,
 * the store lives in memory and is built anew from the log at each start.
 */
export function openStorage(options: {
  readonly config: Config;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly onFatal: (error: unknown) => void;
  /** What is wrong with an image of the store, made here or received. */
  readonly onImageProblem: (why: string) => void;
}): OpenedStorage {
  const { config, runtime, clock, onFatal, onImageProblem } = options;
  const { engine: name, spaceLowBytes, spaceReserveBytes } = config.storage;
  const inMemory = (clusterId: string): KvTables =>
    new MemoryKvTables({
      ...{ clusterId, soon: (run) => clock.soon(run), onProblem: onImageProblem },
    });
  const openInMemory = (image: SnapshotImage, clusterId: string) =>
    openMemoryImage(image, { clusterId, soon: (run) => clock.soon(run) });
  if (name === "memory") {
    return {
      engine: new MemoryEngine(new MemoryDisk(), clock),
      identities: new MemoryIdentity(),
      candidacy: new MemoryCandidacy(),
      openTables: inMemory,
      backups: { files: new HeldFilesInMemory(), openImage: openInMemory },
      close: () => {},
    };
  }
  const openSqlite: Runtime["openSqlite"] = (path, how) => runtime.openSqlite(path, how);
  const directory = openDataDirectory({
    path: config.dataDir,
    engine: name,
    openSqlite,
    clock,
    onFatal,
    expected: config.named,
    reserveBytes: spaceReserveBytes,
  });
  const files = heldFilesOf(directory, runtime);
  const path = join(config.dataDir, "kv.db");
  const firstLogIndex = () => directory.engine.log.firstIndex();
  const work = new WorkerImages(runtime);
  const images = {
    directory: join(config.dataDir, "snapshots"),
    files: nodeFiles,
    ...{ clock, work, onFatal, onProblem: onImageProblem },
    ...{ freeBytes: () => directory.engine.space().freeBytes, spaceLowBytes },
  };
  return {
    engine: directory.engine,
    identities: directory.identity,
    candidacy: directory.candidacy,
    openTables: (clusterId) =>
      name === "sqlite"
        ? new SqliteKvTables({ path, openSqlite, clusterId, firstLogIndex, images })
        : inMemory(clusterId),
    backups: {
      files,
      openImage: (image, clusterId, files) =>
        name === "sqlite"
          ? openSqliteImage(image, { openSqlite, clusterId, files, images })
          : openInMemory(image, clusterId),
    },
    close: () => {
      directory.close();
      work.close();
    },
  };
}

/** Under the lock: it deletes what is left there, which may be in use until then. */
function heldFilesOf(directory: DataDirectory, runtime: Runtime): HeldFiles {
  try {
    return new HeldFilesInDirectory({
      directory: join(directory.path, "snapshots"),
      bodyOf: (path, part) => runtime.fileBody(path, part),
    });
  } catch (error) {
    directory.close();
    throw error;
  }
}
