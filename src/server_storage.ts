/** Opens what the node keeps on disk: the data directory with log and identity, and the store. */

import { join } from "node:path";
import type { Config } from "./config/schema.ts";
import type { KvTables } from "./kv/ports.ts";
import type { Clock, IdentityStore, StorageEngine } from "./node/ports.ts";
import type { Runtime } from "./runtime/mod.ts";
import { openDataDirectory } from "./storage/directory/data_directory.ts";
import { MemoryKvTables } from "./storage/memory/kv_tables.ts";
import { MemoryDisk, MemoryEngine } from "./storage/memory/memory_engine.ts";
import { MemoryIdentity } from "./storage/memory/memory_identity.ts";
import { SqliteKvTables } from "./storage/sqlite/kv_tables.ts";

/** Log, identity and store of one node. */
export interface OpenedStorage {
  readonly engine: StorageEngine;
  readonly identities: IdentityStore;
  readonly tables: KvTables;
  /** Closes the log and gives the lock back; the tables belong to the state machine. */
  close(): void;
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
  /** Why an image of another node is refused. */
  readonly onRefused: (why: string) => void;
}): OpenedStorage {
  const { config, runtime, clock, onFatal, onRefused } = options;
  const { engine: name, spaceReserveBytes } = config.storage;
  const inMemory = (): KvTables =>
    new MemoryKvTables({
      clusterId: config.clusterId,
      soon: (run) => clock.soon(run),
      onRefused,
    });
  if (name === "memory") {
    return {
      engine: new MemoryEngine(new MemoryDisk(), clock),
      identities: new MemoryIdentity(),
      tables: inMemory(),
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
    expected: { clusterId: config.clusterId, nodeId: config.nodeId },
    reserveBytes: spaceReserveBytes,
  });
  try {
    const tables = name === "sqlite"
      ? new SqliteKvTables({
        path: join(config.dataDir, "kv.db"),
        openSqlite,
        clusterId: config.clusterId,
        firstLogIndex: () => directory.engine.log.firstIndex(),
      })
      : inMemory();
    return {
      engine: directory.engine,
      identities: directory.identity,
      tables,
      close: () => directory.close(),
    };
  } catch (error) {
    directory.close();
    throw error;
  }
}
