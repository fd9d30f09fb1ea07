/** The places of our own tables: memory, and a directory with kv.db. */

import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { KvTables } from "../../src/kv/ports.ts";
import { MemoryKvTables } from "../../src/storage/memory/kv_tables.ts";
import type { KvDatabaseOptions } from "../../src/storage/sqlite/kv_database.ts";
import { SqliteKvTables } from "../../src/storage/sqlite/kv_tables.ts";
import { imagesIn } from "../harness/kv_images.ts";
import { currentRuntime } from "../harness/runtime.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import type { KvPlace } from "./state_machine_place.ts";

export const runtime = await currentRuntime();

export const clusterId = "conformance";

/** Beside a log that begins at entry `firstLogIndex`. */
export function openSqliteTables(
  directory: string,
  firstLogIndex = 1,
  more: Partial<KvDatabaseOptions> = {},
): SqliteKvTables {
  return new SqliteKvTables({
    openSqlite: runtime.openSqlite,
    path: join(directory, "kv.db"),
    clusterId,
    firstLogIndex: () => firstLogIndex,
    images: imagesIn(directory),
    ...more,
  });
}

/**
 * A real directory. Its crash is that of a killed process: what the kernel has been given at that
 * moment is copied and opened anew.
 */
export function sqlitePlace(): KvPlace {
  const temp = makeTempDir("kv");
  let crashes = 0;
  let directory = join(temp.path, "0");
  mkdirSync(directory);
  const opened: KvTables[] = [];
  return {
    open: () => {
      const tables = openSqliteTables(directory);
      opened.push(tables);
      return tables;
    },
    crash: () => {
      const next = join(temp.path, String(++crashes));
      cpSync(directory, next, { recursive: true });
      directory = next;
    },
    remove: () => {
      for (const tables of opened) closeQuietly(tables);
      temp.remove();
    },
  };
}

function closeQuietly(tables: KvTables): void {
  try {
    tables.close();
  } catch {
    // It was closed by the case.
  }
}

/** Memory that outlives its user: a crash takes the open transaction, as it does on a disk. */
export function memoryPlace(): KvPlace {
  const tables = new MemoryKvTables();
  return { open: () => tables, crash: () => tables.rollback(), remove: () => {} };
}
