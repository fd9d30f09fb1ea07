/** Reads a database, `open_database.ts PATH`, and says "open", or the result code of SQLite. */

import process from "node:process";
import { SqliteError } from "../../../src/runtime/mod.ts";
import { currentRuntime } from "../../harness/runtime.ts";

const runtime = await currentRuntime();
const [path] = process.argv.slice(2);
if (path === undefined) throw new Error("open_database PATH");
try {
  const database = runtime.openSqlite(path, { create: false });
  database.prepare("SELECT count(*) FROM sqlite_schema").get();
  process.stdout.write("open\n");
} catch (error) {
  if (!(error instanceof SqliteError)) throw error;
  process.stdout.write(`${error.resultCode}\n`);
}
