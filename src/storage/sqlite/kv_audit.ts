/** What the scrub asks of kv.db. */

import type {
  AuditedChange,
  AuditedHead,
  ChangeNumber,
  KvAudit,
  KvMeta,
  Slice,
} from "../../kv/ports.ts";
import type { FatalStorageError } from "../../node/ports.ts";
import type { SqliteDatabase, SqliteStatement } from "../../runtime/mod.ts";
import { readPragma } from "../sqlite_pragma.ts";
import { parseAuditedChange, parseAuditedHead, sliceColumns } from "./kv_rows.ts";
import { metaValues, readMeta, readOutline } from "./kv_schema.ts";

/** What the audit stands on. */
export interface KvAuditParts {
  readonly database: SqliteDatabase;
  /** The facts of the last commit. */
  readonly stored: () => KvMeta;
  /** Runs what reads, and makes one kind of error of all that it throws. */
  readonly guarded: <T>(read: () => T) => T;
  readonly damaged: (what: string) => FatalStorageError;
  /** The end of a range that has none. */
  readonly endOfKeys: Uint8Array;
}

/** On the one connection to kv.db. */
export class SqliteKvAudit implements KvAudit {
  readonly #parts: KvAuditParts;
  /** What the file said of itself when it was opened. */
  readonly #outline: string;
  readonly #changes: SqliteStatement;
  readonly #heads: Readonly<Record<"live" | "dead", SqliteStatement>>;

  constructor(parts: KvAuditParts) {
    const { database } = parts;
    this.#parts = parts;
    this.#outline = readOutline(database);
    // Each number is looked for from the root of the table, as reads do: what only a walk from row
    // to row can find is lost to everybody else. Keys stand in the inner pages of their tables,
    // too, so that keys in order are keys that are found.
    this.#changes = database.prepare(`SELECT ${sliceColumns()},
      EXISTS (SELECT 1 FROM change AS found WHERE found.number = change.number) AS is_found
      FROM change WHERE number >= ? ORDER BY number LIMIT ?`);
    const heads = (table: string): SqliteStatement =>
      database.prepare(`SELECT key, number FROM ${table}
        WHERE key >= ? AND key < ? ORDER BY key LIMIT ?`);
    this.#heads = { live: heads("live"), dead: heads("dead") };
  }

  reread(): void {
    const { database, guarded, damaged, stored } = this.#parts;
    const [outline, row] = guarded(() => {
      // Drops every page that is held: between transactions all of them are clean.
      readPragma(database, "shrink_memory");
      return [readOutline(database), readMeta(database)] as const;
    });
    if (outline !== this.#outline) {
      throw damaged("its schema is not the one that it was opened with");
    }
    const [found, expected] = [metaValues(row), metaValues({ ...row, meta: stored() })];
    // The last one is a checksum over the rest.
    if (found.at(-1) === expected.at(-1)) return;
    throw damaged("the row of meta is not the one that was written last");
  }

  changes(number: ChangeNumber, rowsMax: number): readonly AuditedChange[] {
    return this.#parts.guarded(() => this.#changes.values(number, rowsMax).map(parseAuditedChange));
  }

  heads(of: "live" | "dead", { start, end, rowsMax }: Slice): readonly AuditedHead[] {
    const { guarded, endOfKeys } = this.#parts;
    return guarded(() =>
      this.#heads[of].values(start, end ?? endOfKeys, rowsMax).map(parseAuditedHead)
    );
  }
}
