/**
 * The StorageEngine on SQLite: raft.db and, beside it, raft.mark. One LogWrite is one transaction,
 * durable when its COMMIT returns. See raft_schema.ts for the format and for why it is a file of
 * its own, raft_housekeeping.ts for what happens behind the writes.
 */

import { dirname, join } from "node:path";
import { assertDefined } from "../../lib/assert.ts";
import { MalformedBytesError } from "../../lib/bytes.ts";
import {
  type Clock,
  FatalStorageError,
  type StorageEngine,
  type StoredLog,
} from "../../node/ports.ts";
import type { LogReader } from "../../raft/ports.ts";
import type { LogWrite } from "../../raft/ready.ts";
import type { Entry, HardState, Index } from "../../raft/types.ts";
import type { Runtime, SqliteDatabase } from "../../runtime/mod.ts";
import type { Files } from "../directory/files.ts";
import { MarkedLog, type PageRange } from "../marked_log.ts";
import { closeQuietly, openRaftDatabase, raftDatabaseError } from "./raft_database.ts";
import { RaftHousekeeping } from "./raft_housekeeping.ts";
import { rebuildDatabase } from "./raft_rebuild.ts";
import { RaftRows } from "./raft_rows.ts";
import { readablePage, scanLog, scanOfNothing } from "./raft_scan.ts";
import { RaftTransaction } from "./raft_transaction.ts";

export const raftDatabaseName = "raft.db";

/** Where the log stands, and what it is made with. */
export interface SqliteEngineOptions {
  readonly openSqlite: Runtime["openSqlite"];
  readonly files: Files;
  /** An existing directory that no other process uses. */
  readonly directory: string;
  readonly clock: Pick<Clock, "every">;
  readonly freeBytes: () => number;
  /** Storage failed outside a call; the process ends with this error. */
  readonly onFatal: (error: FatalStorageError) => void;
}

/** What is there once the file could be read; a damaged one has none of it until `discard`. */
interface OpenLog {
  readonly database: SqliteDatabase;
  readonly rows: RaftRows;
  readonly transaction: RaftTransaction;
  readonly housekeeping: RaftHousekeeping;
}

/** A log in raft.db; one engine has the directory at a time. */
export class SqliteEngine implements StorageEngine {
  readonly writesAreDurable = true;
  readonly log: LogReader;
  readonly #options: SqliteEngineOptions;
  readonly #path: string;
  readonly #marked: MarkedLog;
  #open: OpenLog | undefined;

  /** Throws {@link FatalStorageError} when raft.db is not ours, too new, or in use. */
  constructor(options: SqliteEngineOptions) {
    this.#options = options;
    this.#path = join(options.directory, raftDatabaseName);
    this.#marked = new MarkedLog({
      ...options,
      medium: {
        commit: (write) => this.#commit(write),
        committed: (write) => this.#opened().housekeeping.note(write),
        page: (range) => this.#page(range),
      },
    });
    this.log = this.#marked.reader;
    this.#start();
  }

  stored(): StoredLog {
    return this.#marked.stored();
  }

  persist(write: LogWrite, done: () => void): void {
    this.#marked.persist(write, done);
  }

  /** Rewrites the whole file, so that no damage stays, be it in a row or in SQLite's own pages. */
  discard(from: Index, hardState: HardState): void {
    const outline = this.#marked.outlineWithout(from, hardState);
    this.#open?.housekeeping.close();
    try {
      const rows = this.#open?.rows;
      const page = (range: PageRange): readonly Entry[] =>
        (rows && readablePage(rows, range)) ?? [];
      const close = (): void => closeQuietly(this.#open?.database);
      rebuildDatabase({ ...this.#options, path: this.#path, outline, page, close });
      this.#open = undefined;
      this.#start();
    } catch (error) {
      throw raftDatabaseError(this.#path, "rebuilt", error);
    }
    this.#marked.resetMark();
  }

  space(): { readonly freeBytes: number } {
    return { freeBytes: this.#options.freeBytes() };
  }

  close(): void {
    this.#marked.close();
    this.#open?.housekeeping.close();
    closeQuietly(this.#open?.database);
    this.#open = undefined;
  }

  #start(): void {
    const path = this.#path;
    const database = openRaftDatabase({ ...this.#options, path });
    try {
      const rows = database && new RaftRows(database);
      const scan = database && rows ? scanLog(database, rows) : scanOfNothing();
      const { outline, oldestIndex, ...damage } = scan;
      this.#marked.found(outline, damage);
      if (database === undefined || rows === undefined) return;
      const housekeeping = new RaftHousekeeping({
        database,
        clock: this.#options.clock,
        oldestIndex,
        boundaryIndex: outline.boundary.position.index,
        onError: (error) => this.#options.onFatal(raftDatabaseError(path, "tidied", error)),
      });
      this.#open = { database, rows, transaction: new RaftTransaction(database), housekeeping };
    } catch (error) {
      closeQuietly(database);
      if (!(error instanceof MalformedBytesError)) throw error;
      const message = `${path} holds what this program cannot read: ${error.message}`;
      throw new FatalStorageError(message, { cause: error });
    }
  }

  #page(range: PageRange): readonly Entry[] {
    let entries: readonly Entry[];
    try {
      entries = this.#opened().rows.page(range);
    } catch (error) {
      throw raftDatabaseError(this.#path, "read", error);
    }
    if (entries.length === 0) {
      throw new FatalStorageError(`${this.#path}: entry ${range.from} is missing or damaged`);
    }
    return entries;
  }

  #commit(write: LogWrite): boolean {
    const { outline } = this.#marked;
    try {
      const { batchNumber, hardState } = outline;
      const last = outline.lastAfter(write);
      const state = { batchNumber, hardState: write.hardState ?? hardState, last };
      return this.#opened().transaction.commit(write, state, hardState.commitIndex);
    } catch (error) {
      throw raftDatabaseError(this.#path, "written", error);
    }
  }

  #opened(): OpenLog {
    return assertDefined(this.#open, `${this.#path} is not open in ${dirname(this.#path)}`);
  }
}
