/**
 * What a killed process had written and not synced is made durable before the next one believes it.
 * The file engine and the identity are held against power cuts by conformance/disk_model_test.ts;
 * under SQLite no power can be cut, so the syncs themselves are watched.
 */

import { join } from "node:path";
import { type Files, nodeFiles } from "../../../src/storage/directory/files.ts";
import { openRaftDatabase } from "../../../src/storage/sqlite/raft_database.ts";
import { currentRuntime } from "../../harness/runtime.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { assert, describe, it } from "../../harness/test.ts";

const runtime = await currentRuntime();

/** Notes what is synced, by name. */
function watched(steps: string[]): Files {
  return {
    open: (path, mode) => {
      const file = nodeFiles.open(path, mode);
      return {
        size: () => file.size(),
        read: (position, length) => file.read(position, length),
        write: (bytes, position) => file.write(bytes, position),
        truncate: (length) => file.truncate(length),
        sync: () => {
          steps.push(`sync ${path.split("/").at(-1)}`);
          file.sync();
        },
        close: () => file.close(),
      };
    },
    read: (path) => nodeFiles.read(path),
    list: (path) => nodeFiles.list(path),
    makeDirectory: (path) => nodeFiles.makeDirectory(path),
    rename: (from, to) => nodeFiles.rename(from, to),
    remove: (path) => nodeFiles.remove(path),
    syncDirectory: (path) => {
      steps.push("sync the directory");
      nodeFiles.syncDirectory(path);
    },
  };
}

describe("raft.db that another process has left", () => {
  it("is synced with its WAL and its names before SQLite opens it", () => {
    using temp = makeTempDir("found");
    const path = join(temp.path, "raft.db");
    const steps: string[] = [];
    const files = watched(steps);
    const openSqlite: typeof runtime.openSqlite = (name) => {
      steps.push("open");
      return runtime.openSqlite(name);
    };
    // Left open: closing would move the WAL into the database, as no killed process does.
    const first = openRaftDatabase({ openSqlite: runtime.openSqlite, files, path });
    const copy = join(temp.path, "killed");
    nodeFiles.makeDirectory(copy);
    for (const name of ["raft.db", "raft.db-wal"]) {
      const file = nodeFiles.open(join(copy, name), "create");
      file.write(nodeFiles.read(join(temp.path, name)) ?? new Uint8Array(0), 0);
      file.close();
    }
    first?.close();
    steps.length = 0;
    openRaftDatabase({ openSqlite, files, path: join(copy, "raft.db") })?.close();
    assert.deepEqual(steps, ["sync raft.db", "sync raft.db-wal", "sync the directory", "open"]);
  });
});
