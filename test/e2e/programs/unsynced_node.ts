/**
 * The program with one thing broken on purpose: raft.db runs with synchronous=NORMAL and claims
 * FULL, so nothing is on the disk when it is acknowledged. The durability test must catch it.
 */

import { runProgram } from "../../../src/cli/program.ts";
import { createRuntime } from "../../../src/runtime/bun.ts";
import type { Runtime, SqliteDatabase } from "../../../src/runtime/mod.ts";
import { bound } from "../../harness/bound_statement.ts";

function unsynced(database: SqliteDatabase): SqliteDatabase {
  const lie = { synchronous: 2 };
  return {
    exec: (sql) => database.exec(sql),
    prepare: (sql) => {
      const statement = database.prepare(sql.replace(/(synchronous\s*=\s*)FULL/i, "$1NORMAL"));
      if (!/^PRAGMA synchronous$/i.test(sql.trim())) return statement;
      return {
        ...bound(statement),
        get: () => lie,
        all: () => [lie],
      };
    },
    close: () => database.close(),
  };
}

const runtime = createRuntime();
const broken: Runtime = {
  ...runtime,
  openSqlite: (path, options) => {
    const database = runtime.openSqlite(path, options);
    return path.endsWith("raft.db") ? unsynced(database) : database;
  },
};
await runProgram(broken);
