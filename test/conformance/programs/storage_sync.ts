/**
 * Persists twenty writes one by one and says "done N" after each: `storage_sync.ts ENGINE DIRECTORY
 * MODE`. In the mode "normal" SQLite is told in secret not to sync its commits.
 */

import { writeSync } from "node:fs";
import process from "node:process";
import type { Runtime, SqliteDatabase } from "../../../src/runtime/mod.ts";
import { FileEngine } from "../../../src/storage/file/file_engine.ts";
import { SqliteEngine } from "../../../src/storage/sqlite/raft_engine.ts";
import { entryAt } from "../../harness/log_model.ts";
import { engineOptions, runtime } from "../storage_engine_places.ts";

const [engineName, directory, mode] = process.argv.slice(-3);

const openSqlite: Runtime["openSqlite"] = (path, options) => {
  const database = runtime.openSqlite(path, options);
  return mode === "normal" ? unsynced(database) : database;
};

function unsynced(database: SqliteDatabase): SqliteDatabase {
  const swapped: Readonly<Record<string, string>> = {
    "PRAGMA synchronous = FULL": "PRAGMA synchronous = NORMAL",
    "PRAGMA synchronous": "SELECT 2",
  };
  return {
    exec: (sql) => database.exec(sql),
    prepare: (sql) => database.prepare(swapped[sql] ?? sql),
    close: () => database.close(),
  };
}

const options = engineOptions(directory!);
const engine = engineName === "sqlite"
  ? new SqliteEngine({ ...options, openSqlite })
  : new FileEngine(options);
writeSync(1, "done 0\n");
for (let number = 1; number <= 20; number++) {
  const write = {
    ...{ number, hardState: { currentTerm: 1, commitIndex: number - 1 } },
    entries: [entryAt(number, 1)],
  };
  engine.persist(write, () => writeSync(1, `done ${number}\n`));
}
engine.close();
