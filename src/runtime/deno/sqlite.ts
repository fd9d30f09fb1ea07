/** SQLite on Deno: node:sqlite. */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import {
  type SqliteDatabase,
  SqliteError,
  type SqliteOptions,
  type SqliteRow,
  type SqliteStatement,
  type SqliteValue,
} from "../mod.ts";
import {
  fromFirstStatement,
  misuseCode,
  requireStatement,
  requireStorable,
} from "../sqlite_text.ts";

/** One connection by node:sqlite. */
export class DenoDatabase implements SqliteDatabase {
  readonly #database: DatabaseSync;

  constructor(path: string, options: SqliteOptions) {
    const mustExist = options.readonly !== true && options.create === false;
    this.#database = guarded(() =>
      new DatabaseSync(mustExist ? existingOnly(path) : path, {
        readOnly: options.readonly === true,
        // Off in SQLite itself and in bun:sqlite; on by default in node:sqlite.
        enableForeignKeyConstraints: false,
      })
    );
  }

  /** One statement after the other, because the driver's own exec loses the result code. */
  exec(sql: string): void {
    requireStatement(sql);
    for (let rest = fromFirstStatement(sql); rest !== "";) {
      const text = rest;
      rest = guarded(() => {
        const statement = this.#database.prepare(text);
        statement.run();
        return fromFirstStatement(text.slice(statement.sourceSQL.length));
      });
    }
  }

  prepare(sql: string): SqliteStatement {
    requireStatement(sql);
    return new DenoStatement(guarded(() => this.#database.prepare(fromFirstStatement(sql))));
  }

  close(): void {
    guarded(() => this.#database.close());
  }
}

/** node:sqlite has no option for "do not create"; SQLite's URI form has. */
function existingOnly(path: string): string {
  const escaped = path.replace(/[%?#]/g, (letter) => encodeURIComponent(letter));
  return `file:${escaped}?mode=rw`;
}

class DenoStatement implements SqliteStatement {
  #statement: StatementSync | undefined;
  /** Rows come as arrays: the driver keeps that for the statement, and not for the call. */
  #isArrays = false;

  constructor(statement: StatementSync) {
    this.#statement = statement;
  }

  run(...values: SqliteValue[]): number {
    const bound = values.map(bindable);
    try {
      return Number(this.#live().run(...bound).changes);
    } catch (error) {
      throw sqliteError(error);
    }
  }

  get(...values: SqliteValue[]): SqliteRow | undefined {
    const bound = values.map(bindable);
    try {
      return this.#live(false).get(...bound) as SqliteRow | undefined;
    } catch (error) {
      throw sqliteError(error);
    }
  }

  all(...values: SqliteValue[]): readonly SqliteRow[] {
    const bound = values.map(bindable);
    try {
      return this.#live(false).all(...bound) as SqliteRow[];
    } catch (error) {
      throw sqliteError(error);
    }
  }

  values(...values: SqliteValue[]): readonly (readonly SqliteValue[])[] {
    const bound = values.map(bindable);
    try {
      const rows: unknown = this.#live(true).all(...bound);
      return rows as SqliteValue[][];
    } catch (error) {
      throw sqliteError(error);
    }
  }

  /** node:sqlite finalizes with the database, or when the statement is collected. */
  finalize(): void {
    this.#statement = undefined;
  }

  #live(isArrays = this.#isArrays): StatementSync {
    if (this.#statement === undefined) {
      throw new SqliteError("The statement is finalized", misuseCode);
    }
    if (isArrays !== this.#isArrays) this.#statement.setReturnArrays(isArrays);
    this.#isArrays = isArrays;
    return this.#statement;
  }
}

/** node:sqlite binds every number as REAL and only a bigint as INTEGER. */
function bindable(value: SqliteValue): null | number | bigint | string | Uint8Array {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  requireStorable(value);
  return value;
}

function guarded<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw sqliteError(error);
  }
}

/** node:sqlite puts the extended result code into `errcode`, except when it opens a file. */
function sqliteError(error: unknown): SqliteError {
  if (error instanceof SqliteError) return error;
  if (!(error instanceof Error)) return new SqliteError(String(error), misuseCode);
  if ("errcode" in error && typeof error.errcode === "number") {
    return new SqliteError(error.message, error.errcode);
  }
  const cannotOpenCode = 14;
  const opening = error.message.startsWith("unable to open database file");
  return new SqliteError(error.message, opening ? cannotOpenCode : misuseCode);
}
