/**
 * Writes a fixed script to a log and ends itself with SIGKILL before operation N on the disk or the
 * database: `storage_kill.ts ENGINE DIRECTORY N`. After each `done` it prints "done NUMBER"; when
 * the script was over before operation N, it prints "over".
 */

import { writeSync } from "node:fs";
import process from "node:process";
import type { Files, OpenFile } from "../../../src/storage/directory/files.ts";
import { nodeFiles } from "../../../src/storage/directory/files.ts";
import { FileEngine } from "../../../src/storage/file/file_engine.ts";
import { SqliteEngine } from "../../../src/storage/sqlite/raft_engine.ts";
import type { Runtime, SqliteDatabase, SqliteStatement } from "../../../src/runtime/mod.ts";
import { killScript } from "../storage_kill_script.ts";
import { engineOptions, runtime } from "../storage_engine_places.ts";
import { ManualClock } from "../../harness/manual_clock.ts";

const [engineName, directory, killAt] = process.argv.slice(-3);
let operations = 0;

/** Called before each operation. */
function operation(): void {
  if (operations++ === Number(killAt)) process.kill(process.pid, "SIGKILL");
}

const files: Files = {
  open: (path, mode) => {
    operation();
    return killingFile(nodeFiles.open(path, mode));
  },
  read: (path) => nodeFiles.read(path),
  list: (path) => nodeFiles.list(path),
  makeDirectory: (path) => {
    operation();
    nodeFiles.makeDirectory(path);
  },
  rename: (from, to) => {
    operation();
    nodeFiles.rename(from, to);
  },
  remove: (path) => {
    operation();
    nodeFiles.remove(path);
  },
  syncDirectory: (path) => {
    operation();
    nodeFiles.syncDirectory(path);
  },
};

function killingFile(file: OpenFile): OpenFile {
  return {
    size: () => file.size(),
    read: (position, length) => file.read(position, length),
    write: (bytes, position) => {
      operation();
      // Killed in the middle: half of it is there.
      const half = Math.floor(bytes.length / 2);
      file.write(bytes.subarray(0, half), position);
      operation();
      file.write(bytes.subarray(half), position + half);
    },
    truncate: (length) => {
      operation();
      file.truncate(length);
    },
    sync: () => {
      operation();
      file.sync();
    },
    close: () => file.close(),
  };
}

const openSqlite: Runtime["openSqlite"] = (path, options) => {
  operation();
  return killingDatabase(runtime.openSqlite(path, options));
};

function killingDatabase(database: SqliteDatabase): SqliteDatabase {
  return {
    exec: (sql) => {
      operation();
      database.exec(sql);
    },
    prepare: (sql) => killingStatement(database.prepare(sql), /^\s*(SELECT|PRAGMA \w+$)/.test(sql)),
    close: () => {
      operation();
      database.close();
    },
  };
}

/** Reading changes nothing, so it is no operation. */
function killingStatement(statement: SqliteStatement, reads: boolean): SqliteStatement {
  const before = reads ? () => {} : operation;
  return {
    run: (...values) => {
      before();
      return statement.run(...values);
    },
    get: (...values) => {
      before();
      return statement.get(...values);
    },
    all: (...values) => {
      before();
      return statement.all(...values);
    },
    finalize: () => statement.finalize(),
  };
}

function main(path: string): void {
  const clock = new ManualClock();
  const options = { ...engineOptions(path, clock), files, segmentBytesMax: 200 };
  const engine = engineName === "sqlite"
    ? new SqliteEngine({ ...options, openSqlite })
    : new FileEngine(options);
  for (const write of killScript()) {
    engine.persist(write, () => writeSync(1, `done ${write.number}\n`));
    clock.tick();
  }
  engine.close();
  writeSync(1, "over\n");
}

main(directory!);
