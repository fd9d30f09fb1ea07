import { bound } from "../../harness/bound_statement.ts";
import { after, assert, describe, it } from "../../harness/test.ts";
import { currentRuntime } from "../../harness/runtime.ts";
import { makeEntry } from "../../../src/raft/encoding.ts";
import type { SqliteDatabase } from "../../../src/runtime/mod.ts";
import { entryValues, RaftRows } from "../../../src/storage/sqlite/raft_rows.ts";
import { createSchema, insertEntrySql } from "../../../src/storage/sqlite/raft_schema.ts";

const runtime = await currentRuntime();
const opened: SqliteDatabase[] = [];
after(() => opened.forEach((database) => database.close()));

/** A log of entries of so many bytes each, and how many lengths were looked at. */
function rowsOf(count: number, entryBytes: number): { rows: RaftRows; looked: () => number } {
  const database = runtime.openSqlite(":memory:");
  opened.push(database);
  createSchema(database);
  const insert = database.prepare(insertEntrySql);
  for (let index = 1; index <= count; index++) {
    const data = new Uint8Array(entryBytes);
    const entry = makeEntry({ index, term: 1, kind: "command", timeMs: 0, data });
    insert.run(...entryValues(entry));
  }
  insert.finalize();
  let looked = 0;
  const counting: SqliteDatabase = {
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
    prepare: (sql) => {
      const statement = database.prepare(sql);
      if (!sql.includes("length(data)")) return statement;
      return {
        ...bound(statement),
        all: (...values) => {
          const found = statement.all(...values);
          looked += found.length;
          return found;
        },
      };
    },
  };
  return { rows: new RaftRows(counting), looked: () => looked };
}

const bytesMax = 1024 * 1024;

describe("a page of the log", () => {
  it("looks at no more long entries than a page holds, and a few", () => {
    const { rows, looked } = rowsOf(60, 300_000);
    const page = rows.page({ from: 1, to: 60, bytesMax });
    assert.deepEqual(page.map(({ index }) => index), [1, 2, 3]);
    // Each costs a page of the file: a start over a long log would read it several times.
    assert.ok(looked() <= 16, `${looked()} lengths were looked at`);
  });

  it("has all of the short entries that fit, over many looks", () => {
    const { rows } = rowsOf(3_000, 1_000);
    const page = rows.page({ from: 2, to: 3_000, bytesMax });
    assert.equal(page.length, Math.floor(bytesMax / 1_000));
    assert.equal(page.at(-1)?.index, 1 + page.length);
  });

  it("ends at the end of the log, and at the end of what is asked", () => {
    const { rows } = rowsOf(41, 10);
    assert.equal(rows.page({ from: 1, to: 1_000, bytesMax }).length, 41);
    for (const to of [7, 8, 9, 39, 40]) {
      assert.equal(rows.page({ from: 1, to, bytesMax }).length, to, `to ${to}`);
    }
  });
});
