/** Whether a file that came from another node is a store that may take the place of this one's. */

import { strictText } from "../../lib/bytes.ts";
import type { SnapshotMeta } from "../../raft/types.ts";
import type { Runtime, SqliteDatabase } from "../../runtime/mod.ts";
import { errorText, type Files } from "../directory/files.ts";
import { pageBytes } from "../image_work.ts";
import { contentFlaw } from "../snapshot_meta.ts";
import { readPragma } from "../sqlite_pragma.ts";
import { claim } from "./kv_database.ts";
import { hasKvSchema, readMeta } from "./kv_schema.ts";

const sqliteMagic = "SQLite format 3\0";
/** How an image of a store in memory begins. */
const rowsMagic = "skein kv rows";

/** What is looked with. */
export interface KvFlawOptions {
  readonly openSqlite: Runtime["openSqlite"];
  readonly files: Files;
  readonly clusterId: string;
}

/**
 * Why the file is not the store that `meta` says; undefined when it is. Reads a few pages: the
 * digest stands for the others.
 */
export function kvFlaw(
  path: string,
  meta: SnapshotMeta,
  options: KvFlawOptions,
): string | undefined {
  const { files, openSqlite } = options;
  const beginning = beginningOf(files, path);
  if (beginning !== sqliteMagic) {
    return beginning?.startsWith(rowsMagic)
      ? "it is of a store in memory, and this node keeps its own in SQLite"
      : "it is not of a store in SQLite";
  }
  let database: SqliteDatabase | undefined;
  try {
    database = openSqlite(path, { create: false });
    claim(database);
    if (!hasKvSchema(database, path)) return "it is empty";
    const pages = Number(readPragma(database, "page_count"));
    const isWhole = pages * pageBytes === meta.bytes &&
      readPragma(database, "page_size") === pageBytes;
    return isWhole
      ? contentFlaw(meta, options, readMeta(database))
      : `it is of ${pages} pages, which are not ${meta.bytes} bytes`;
  } catch (error) {
    return errorText(error);
  } finally {
    close(database);
    for (const suffix of ["-wal", "-shm", "-journal"]) files.remove(`${path}${suffix}`);
  }
}

function beginningOf(files: Files, path: string): string | undefined {
  const file = files.open(path, "existing");
  try {
    return strictText(file.read(0, sqliteMagic.length));
  } finally {
    file.close();
  }
}

function close(database: SqliteDatabase | undefined): void {
  try {
    database?.close();
  } catch {
    // What is wrong with it has been told already.
  }
}
