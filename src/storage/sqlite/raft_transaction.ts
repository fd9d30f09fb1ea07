/** One LogWrite as one transaction of raft.db, in the order of its fields. */

import { assert } from "../../lib/assert.ts";
import { decodeConfiguration } from "../../raft/encoding.ts";
import type { LogWrite } from "../../raft/ready.ts";
import type { Entry, Index } from "../../raft/types.ts";
import type { SqliteDatabase, SqliteStatement } from "../../runtime/mod.ts";
import { isFull } from "./raft_database.ts";
import { entryValues } from "./raft_rows.ts";
import {
  boundaryValues,
  configurationValues,
  insertBoundarySql,
  insertConfigurationSql,
  insertEntrySql,
  insertStateSql,
  type StateRow,
  stateValues,
} from "./raft_schema.ts";

/** Rows that one statement inserts: a call into the driver costs more than a row. */
const portionRows = 16;

/** The prepared statements of a write, for one open raft.db. */
export class RaftTransaction {
  readonly #begin: SqliteStatement;
  readonly #commit: SqliteStatement;
  readonly #rollback: SqliteStatement;
  readonly #batchNumber: SqliteStatement;
  readonly #state: SqliteStatement;
  readonly #boundary: SqliteStatement;
  readonly #entry: SqliteStatement;
  readonly #entryPortion: SqliteStatement;
  readonly #configuration: SqliteStatement;
  readonly #deleteEntriesFrom: SqliteStatement;
  readonly #deleteConfigurationsFrom: SqliteStatement;
  readonly #deleteConfigurationsTo: SqliteStatement;

  constructor(database: SqliteDatabase) {
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#rollback = database.prepare("ROLLBACK");
    this.#batchNumber = database.prepare("SELECT batch_number FROM state");
    this.#state = database.prepare(insertStateSql);
    this.#boundary = database.prepare(insertBoundarySql);
    this.#entry = database.prepare(insertEntrySql);
    const moreRows = ", (?, ?, ?, ?, ?, ?)".repeat(portionRows - 1);
    this.#entryPortion = database.prepare(insertEntrySql + moreRows);
    this.#configuration = database.prepare(insertConfigurationSql);
    this.#deleteEntriesFrom = database.prepare("DELETE FROM entries WHERE idx >= ?");
    const deleteConfigurations = "DELETE FROM configurations WHERE idx";
    this.#deleteConfigurationsFrom = database.prepare(`${deleteConfigurations} >= ?`);
    this.#deleteConfigurationsTo = database.prepare(`${deleteConfigurations} <= ?`);
  }

  /**
   * Returns when the write is durable. False: the disk is full, and the transaction was rolled back
   * without a trace. `state` is what the row of state shall say, with the batch number before;
   * `committed` the commit index before.
   */
  commit(write: LogWrite, state: StateRow, committed: Index): boolean {
    this.#begin.run();
    try {
      this.#fill(write, state, committed);
      this.#commit.run();
      return true;
    } catch (error) {
      if (!isFull(error)) throw error;
      this.#rollBack();
      const stored = this.#batchNumber.get()?.["batch_number"];
      assert(stored === state.batchNumber, `A rollback left batch ${stored} behind`);
      return false;
    }
  }

  #fill(write: LogWrite, state: StateRow, committed: Index): void {
    this.#state.run(...stateValues({ ...state, batchNumber: write.number }));
    if (write.snapshot !== undefined) {
      // The rest lies below the new boundary, where it means nothing, and goes a little at a time.
      // What is not known as committed may be what an image has replaced: that goes now.
      this.#deleteEntriesFrom.run(Math.min(committed, write.snapshot.position.index) + 1);
      this.#deleteConfigurationsFrom.run(0);
      this.#boundary.run(...boundaryValues(write.snapshot));
    }
    if (write.truncateFrom !== undefined) this.#truncateFrom(write.truncateFrom);
    this.#addEntries(write.entries);
    if (write.compactTo === undefined) return;
    this.#boundary.run(...boundaryValues(write.compactTo));
    this.#deleteConfigurationsTo.run(write.compactTo.position.index);
  }

  #truncateFrom(index: Index): void {
    this.#deleteEntriesFrom.run(index);
    this.#deleteConfigurationsFrom.run(index);
  }

  #addEntries(entries: readonly Entry[]): void {
    let at = 0;
    for (; at + portionRows <= entries.length; at += portionRows) {
      this.#entryPortion.run(...entries.slice(at, at + portionRows).flatMap(entryValues));
    }
    for (; at < entries.length; at++) this.#entry.run(...entryValues(entries[at]!));
    for (const { kind, index, term, data } of entries) {
      if (kind !== "configuration") continue;
      const added = { position: { index, term }, configuration: decodeConfiguration(data) };
      this.#configuration.run(...configurationValues(added));
    }
  }

  /** SQLite rolls back by itself after some errors; then there is nothing left to roll back. */
  #rollBack(): void {
    try {
      this.#rollback.run();
    } catch (error) {
      if (error instanceof Error && error.message.includes("no transaction is active")) return;
      throw error;
    }
  }
}
