/** SQLite on Bun: bun:sqlite. */

import { Database, type Statement } from "bun:sqlite";
import {
  type SqliteDatabase,
  SqliteError,
  type SqliteOptions,
  type SqliteRow,
  type SqliteStatement,
  type SqliteValue,
} from "../mod.ts";
import { misuseCode, requireStatement, requireStorable } from "../sqlite_text.ts";

/** One connection by bun:sqlite. */
export class BunDatabase implements SqliteDatabase {
  readonly #database: Database;
  /** Whatever the caller forgot: a statement left open would keep the file locked after close. */
  readonly #open = new Set<BunStatement>();

  constructor(path: string, options: SqliteOptions) {
    const access = options.readonly === true
      ? { readonly: true }
      : { readwrite: true, create: options.create !== false };
    this.#database = guarded(() => new Database(path, { ...access, strict: true }));
  }

  exec(sql: string): void {
    requireStatement(sql);
    guarded(() => this.#database.run(sql));
  }

  prepare(sql: string): SqliteStatement {
    requireStatement(sql);
    const raw = guarded(() => this.#database.prepare<SqliteRow, SqliteValue[]>(sql));
    const statement = new BunStatement(raw, () => this.#open.delete(statement));
    this.#open.add(statement);
    return statement;
  }

  close(): void {
    for (const statement of this.#open) statement.finalize();
    guarded(() => this.#database.close());
  }
}

class BunStatement implements SqliteStatement {
  readonly #statement: Statement<SqliteRow, SqliteValue[]>;
  readonly #onFinalize: () => void;

  constructor(statement: Statement<SqliteRow, SqliteValue[]>, onFinalize: () => void) {
    this.#statement = statement;
    this.#onFinalize = onFinalize;
  }

  run(...values: SqliteValue[]): number {
    values.forEach(requireStorable);
    try {
      return this.#statement.run(...values).changes;
    } catch (error) {
      throw sqliteError(error);
    }
  }

  get(...values: SqliteValue[]): SqliteRow | undefined {
    values.forEach(requireStorable);
    try {
      return this.#statement.get(...values) ?? undefined;
    } catch (error) {
      throw sqliteError(error);
    }
  }

  all(...values: SqliteValue[]): readonly SqliteRow[] {
    values.forEach(requireStorable);
    try {
      return this.#statement.all(...values);
    } catch (error) {
      throw sqliteError(error);
    }
  }

  values(...values: SqliteValue[]): readonly (readonly SqliteValue[])[] {
    values.forEach(requireStorable);
    try {
      return this.#statement.values(...values) as SqliteValue[][];
    } catch (error) {
      throw sqliteError(error);
    }
  }

  finalize(): void {
    this.#onFinalize();
    this.#statement.finalize();
  }
}

function guarded<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw sqliteError(error);
  }
}

/** bun:sqlite puts the extended result code into `errno`; its own complaints carry none. */
function sqliteError(error: unknown): SqliteError {
  if (!(error instanceof Error)) return new SqliteError(String(error), misuseCode);
  const code = "errno" in error && typeof error.errno === "number" ? error.errno : misuseCode;
  return new SqliteError(error.message, code);
}
