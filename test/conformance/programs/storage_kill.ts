/**
 * Runs a script on a data directory and ends itself with SIGKILL before operation N on the disk or
 * the database: `storage_kill.ts ENGINE DIRECTORY N [SCRIPT [opened]]`. SCRIPT is a name of
 * disk_model_scripts.ts, "kinds" when absent; "opened" counts the operations from the first step.
 * Prints what disk_model_run.ts says, "done NUMBER" after each `done` among it, and "over" when the
 * script was over before operation N.
 */

import { writeSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { nodeFiles } from "../../../src/storage/directory/files.ts";
import { IdentityFile } from "../../../src/storage/directory/identity_file.ts";
import { FileEngine } from "../../../src/storage/file/file_engine.ts";
import { SqliteEngine } from "../../../src/storage/sqlite/raft_engine.ts";
import {
  type Runtime,
  type SqliteDatabase,
  SqliteError,
  type SqliteStatement,
} from "../../../src/runtime/mod.ts";
import { hookedFiles } from "../disk_model_files.ts";
import { type OpenedDisk, runScript } from "../disk_model_run.ts";
import { diskScript } from "../disk_model_scripts.ts";
import { engineOptions, runtime } from "../storage_engine_places.ts";
import { bound } from "../../harness/bound_statement.ts";
import { ManualClock } from "../../harness/manual_clock.ts";

const [engineName, directory, killAt, scriptName = "kinds", from = "start"] = process.argv
  .slice(2);
const sqliteFull = 13;
let isCounting = from === "start";
let operations = 0;
let isFull = false;

/** Called before each operation. */
function operation(): void {
  if (isCounting && operations++ === Number(killAt)) process.kill(process.pid, "SIGKILL");
}

const files = hookedFiles(nodeFiles, { operation, isFull: () => isFull });

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
    prepare: (sql) => killingStatement(database.prepare(sql), sql),
    close: () => {
      operation();
      database.close();
    },
  };
}

/** Reading changes nothing, so it is no operation. A full disk takes everything but the COMMIT. */
function killingStatement(statement: SqliteStatement, sql: string): SqliteStatement {
  const before = /^\s*(SELECT|PRAGMA \w+$)/.test(sql) ? () => {} : operation;
  return {
    ...bound(statement),
    run: (...values) => {
      before();
      if (isFull && sql === "COMMIT") throw new SqliteError("database or disk is full", sqliteFull);
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
    values: (...values) => {
      before();
      return statement.values(...values);
    },
  };
}

function main(path: string): void {
  let clock = new ManualClock();
  runScript(diskScript(scriptName), {
    open: (): OpenedDisk => {
      clock = new ManualClock();
      const options = { ...engineOptions(path, clock), files, segmentBytesMax: 200 };
      const storage = engineName === "sqlite"
        ? new SqliteEngine({ ...options, openSqlite })
        : new FileEngine(options);
      return { storage, identity: new IdentityFile(files, join(path, "identity.json")) };
    },
    tick: () => clock.tick(),
    setFull: (full) => isFull = full,
    say: (line) => {
      // Durable, and nobody knows it yet.
      if (line.startsWith("done")) operation();
      if (line.startsWith("handed")) isCounting = true;
      writeSync(1, `${line}\n`);
    },
  });
}

main(directory!);
