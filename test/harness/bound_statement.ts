/** Statements of SQLite that a test listens to, or breaks. */

import type { SqliteStatement } from "../../src/runtime/mod.ts";

/** What `statement` does, as an object of functions, to put others in their places. */
export function bound(statement: SqliteStatement): SqliteStatement {
  return {
    run: (...values) => statement.run(...values),
    get: (...values) => statement.get(...values),
    all: (...values) => statement.all(...values),
    values: (...values) => statement.values(...values),
    finalize: () => statement.finalize(),
  };
}
