/** The places of our own engines: directories, a simulated disk, and memory. */

import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { currentRuntime } from "../harness/runtime.ts";
import { ManualClock } from "../harness/manual_clock.ts";
import { SimulatedFiles } from "../harness/simulated_files.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { utf8 } from "../../src/lib/bytes.ts";
import type { StorageEngine } from "../../src/node/ports.ts";
import { type Files, nodeFiles } from "../../src/storage/directory/files.ts";
import { FileEngine } from "../../src/storage/file/file_engine.ts";
import { MemoryDisk, MemoryEngine } from "../../src/storage/memory/memory_engine.ts";
import { SqliteEngine } from "../../src/storage/sqlite/raft_engine.ts";
import type { StoragePlace } from "./storage_place.ts";

export const runtime = await currentRuntime();

/** What every engine on a disk is made with, in tests. */
export function engineOptions(
  directory: string,
  clock: ManualClock = new ManualClock(),
): ConstructorParameters<typeof FileEngine>[0] {
  return {
    files: nodeFiles,
    directory,
    clock,
    freeBytes: () => 1e9,
    onFatal: (error) => {
      throw error;
    },
  };
}

export function openSqliteEngine(directory: string, clock?: ManualClock): StorageEngine {
  return new SqliteEngine({ ...engineOptions(directory, clock), openSqlite: runtime.openSqlite });
}

/** Small segments, so that every script has several. */
export function openFileEngine(
  directory: string,
  clock?: ManualClock,
  files: Files = nodeFiles,
): StorageEngine {
  return new FileEngine({ ...engineOptions(directory, clock), files, segmentBytesMax: 2000 });
}

export interface DirectoryPlaceOptions {
  readonly open: (directory: string, clock: ManualClock) => StorageEngine;
  readonly damage: (directory: string, index: number) => void;
}

/**
 * A real directory. Its crash is that of a killed process: what the kernel has been given at that
 * moment is copied and opened anew, and what stood in the process alone is gone.
 */
export function directoryPlace({ open, damage }: DirectoryPlaceOptions): StoragePlace {
  const temp = makeTempDir("storage");
  let crashes = 0;
  let directory = join(temp.path, "0");
  mkdirSync(directory);
  const opened: StorageEngine[] = [];
  let clock = new ManualClock();
  return {
    open: () => {
      clock = new ManualClock();
      const engine = open(directory, clock);
      opened.push(engine);
      return engine;
    },
    crash: () => {
      const next = join(temp.path, String(++crashes));
      cpSync(directory, next, { recursive: true });
      directory = next;
    },
    tick: () => clock.tick(),
    damage: (index) => damage(directory, index),
    remove: () => {
      for (const engine of opened) closeQuietly(engine);
      temp.remove();
    },
  };
}

function closeQuietly(engine: StorageEngine): void {
  try {
    engine.close();
  } catch {
    // It was closed by the case.
  }
}

/** The file engine on a disk that loses everything that was not synced. */
export function simulatedPlace(open = openFileEngine): StoragePlace {
  const files = new SimulatedFiles();
  let clock = new ManualClock();
  return {
    open: () => open("/data", clock = new ManualClock(), files),
    tick: () => clock.tick(),
    crash: () => files.cutPower(),
    damage: (index) => files.damage(utf8(`entry ${index} entry ${index}`)),
    remove: () => {},
  };
}

export function memoryPlace(): StoragePlace {
  const disk = new MemoryDisk();
  return {
    open: () => new MemoryEngine(disk, new ManualClock()),
    crash: () => disk.crash(),
    damage: (index) => disk.damage(index),
    remove: () => {},
  };
}
