/**
 * The store's tables in SQLite: kv.db. One connection, one transaction that is begun by the first
 * write after a commit and sees everything that is asked meanwhile.
 */

import {
  type Change,
  type ChangeHead,
  type ChangeLink,
  type ChangeNumber,
  type ChangePlace,
  type DeadKey,
  keyBytesMax,
  type KeyedChange,
  type KeyRange,
  type KvAudit,
  KvFullError,
  type KvMeta,
  type KvTables,
  type LedgerRow,
  type Slice,
  type TimedChange,
} from "../../kv/ports.ts";
import type { FatalStorageError, SnapshotStage } from "../../node/ports.ts";
import type { SnapshotMeta } from "../../raft/types.ts";
import {
  type SqliteDatabase,
  SqliteError,
  type SqliteRow,
  type SqliteStatement,
} from "../../runtime/mod.ts";
import {
  kvDamageError,
  kvDatabaseError,
  type KvDatabaseOptions,
  openKvDatabase,
  setSynchronous,
} from "./kv_database.ts";
import { readPragma } from "../sqlite_pragma.ts";
import { SqliteKvAudit } from "./kv_audit.ts";
import {
  blob,
  changeValues,
  count,
  parseChange,
  parseHead,
  parseKeyedChange,
  parseLedgerRow,
  parseLink,
  parseTimedChange,
} from "./kv_rows.ts";
import { type MetaRow, metaValues, readMeta } from "./kv_schema.ts";
import { type KvStatements, prepareStatements } from "./kv_statements.ts";

/** Above every key: the end of a range that has none. */
const endOfKeys = new Uint8Array(keyBytesMax + 1).fill(0xff);

const sqliteFull = 13;
/** SQLite's own choice. */
const pageBytes = 4_096;

/** Thrown by what deals with images of kv.db: the composition never calls it. */
export class ImagesNotAvailableError extends Error {
  override readonly name = "ImagesNotAvailableError";

  constructor() {
    super("Images of kv.db are not available in this version");
  }
}

/**
 * Opens, or makes, kv.db. Every method throws FatalStorageError when SQLite fails, except that a
 * full disk is a KvFullError.
 */
export class SqliteKvTables implements KvTables {
  readonly #database: SqliteDatabase;
  readonly #options: KvDatabaseOptions;
  readonly #sql: KvStatements;
  readonly audit: KvAudit;
  #meta: MetaRow;
  /** A transaction is open. */
  #isOpen = false;
  /** SQLite failed, and may have ended the transaction: nothing may be written behind that. */
  #failure: FatalStorageError | undefined;

  constructor(options: KvDatabaseOptions) {
    this.#options = options;
    this.#database = openKvDatabase(options);
    this.#sql = this.#guarded("read", () => prepareStatements(this.#database));
    this.#meta = this.#guarded("read", () => readMeta(this.#database));
    const audited = {
      database: this.#database,
      stored: () => this.#meta.meta,
      guarded: <T>(read: () => T) => this.#guarded("read", read),
      damaged: (what: string) => this.damaged(what),
      endOfKeys,
    };
    this.audit = this.#guarded("read", () => new SqliteKvAudit(audited));
  }

  stored(): KvMeta {
    return this.#meta.meta;
  }

  commit(meta: KvMeta, how: "normal" | "durable"): void {
    if (how === "durable") this.#commitSynced(meta);
    else if (this.#isOpen || meta !== this.#meta.meta) this.#commitMeta(meta);
  }

  /**
   * A commit that syncs the WAL makes all the commits before it durable, too. The level can only be
   * changed between transactions, so what is open is committed first.
   */
  #commitSynced(meta: KvMeta): void {
    if (this.#isOpen) this.#commitMeta(meta);
    this.#guarded("written", () => setSynchronous(this.#database, "FULL"));
    try {
      this.#commitMeta(meta);
    } finally {
      // After a failed commit the transaction may still be open, and the level would stay.
      this.rollback();
      this.#guarded("written", () => setSynchronous(this.#database, "NORMAL"));
    }
  }

  #commitMeta(meta: KvMeta): void {
    this.#begin();
    const next = { ...this.#meta, commits: this.#meta.commits + 1, meta };
    this.#guarded("written", () => {
      this.#sql.replaceMeta.run(...metaValues(next));
      this.#sql.commit.run();
    });
    this.#isOpen = false;
    this.#meta = next;
  }

  #begin(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isOpen) return;
    this.#guarded("written", () => this.#sql.begin.run());
    this.#isOpen = true;
  }

  rollback(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      this.#sql.rollback.run();
    } catch (error) {
      // A full disk may have ended the transaction already; then there is nothing to take back.
      const gone = error instanceof SqliteError && error.message.includes("no transaction");
      if (!gone) throw kvDatabaseError(this.#options, "rolled back", error);
    }
  }

  savepoint(): void {
    this.#begin();
    this.#guarded("written", () => this.#sql.savepoint.run());
  }

  backToSavepoint(): void {
    this.#guarded("written", () => {
      this.#sql.backToSavepoint.run();
      this.#sql.releaseSavepoint.run();
    });
  }

  releaseSavepoint(): void {
    this.#guarded("written", () => this.#sql.releaseSavepoint.run());
  }

  append(change: Change, over: "live" | "dead" | "absent"): void {
    this.#begin();
    const { key, number } = change;
    this.#guarded("written", () => {
      this.#sql.insertChange.run(...changeValues(change));
      if (change.version === 0) {
        this.#sql.deleteLive.run(key);
        this.#sql.insertDead.run(key, number);
      } else if (over === "live") {
        this.#sql.updateLive.run(number, key);
      } else {
        if (over === "dead") this.#sql.deleteDead.run(key);
        this.#sql.insertLive.run(key, number);
      }
    });
  }

  removeChange(number: ChangeNumber): void {
    this.#write(this.#sql.removeChange, number);
  }

  forgetDead(key: Uint8Array): void {
    this.#write(this.#sql.deleteDead, key);
  }

  giveBack(bytesMax: number): boolean {
    const free = this.#guarded("read", () => readPragma(this.#database, "freelist_count"));
    if (free === 0) return false;
    this.#begin();
    const pages = Math.ceil(bytesMax / pageBytes);
    this.#guarded("written", () => {
      // A page is given back with each step of the statement.
      const statement = this.#database.prepare(`PRAGMA incremental_vacuum(${pages})`);
      statement.all();
      statement.finalize();
    });
    return Number(free) > pages;
  }

  head(key: Uint8Array): ChangeHead | undefined {
    return this.#get(this.#sql.head, parseHead, key) ??
      this.#absent(this.#sql.liveNumber, key) ?? this.#absent(this.#sql.deadNumber, key);
  }

  live(key: Uint8Array): Change | undefined {
    return this.#get(this.#sql.live, (row) => parseChange(row, key), key) ??
      this.#absent(this.#sql.liveNumber, key);
  }

  change(number: ChangeNumber): Change | undefined {
    return this.#get(this.#sql.change, parseKeyed, number);
  }

  keyedChange(number: ChangeNumber): KeyedChange | undefined {
    return this.#get(this.#sql.keyedChange, parseKeyedChange, number);
  }

  link(number: ChangeNumber): ChangeLink | undefined {
    return this.#get(this.#sql.link, parseLink, number);
  }

  firstFrom(number: ChangeNumber): ChangePlace | undefined {
    const parse = (row: SqliteRow) => ({
      number: count(row, "number"),
      revision: count(row, "revision"),
      timeMs: count(row, "time_ms"),
    });
    return this.#get(this.#sql.firstFrom, parse, number);
  }

  changeSlice(
    number: ChangeNumber,
    { rowsMax, valuesIn }: { readonly rowsMax: number; readonly valuesIn: KeyRange },
  ): readonly TimedChange[] {
    const { start } = valuesIn;
    const statement = this.#sql.changeSlice;
    return this.#all(statement, parseTimedChange, start, endOf(valuesIn), number, rowsMax);
  }

  liveSlice(slice: Slice & { readonly values: boolean }): readonly KeyedChange[] {
    const direction = slice.reverse ? this.#sql.backward : this.#sql.forward;
    const statement = slice.values ? direction.liveWithValues : direction.live;
    return this.#all(statement, parseKeyedChange, slice.start, endOf(slice), slice.rowsMax);
  }

  deadSlice(slice: Slice): readonly DeadKey[] {
    const { dead } = slice.reverse ? this.#sql.backward : this.#sql.forward;
    const parse = (row: SqliteRow) => ({ key: blob(row, "key"), number: count(row, "number") });
    return this.#all(dead, parse, slice.start, endOf(slice), slice.rowsMax);
  }

  countLive(slice: Slice): { readonly count: number; readonly next?: Uint8Array } {
    const { start, rowsMax } = slice;
    const { keyAtOffset } = slice.reverse ? this.#sql.backward : this.#sql.forward;
    const next = this.#get(keyAtOffset, (row) => blob(row, "key"), start, endOf(slice), rowsMax);
    if (next !== undefined) return { count: rowsMax, next };
    return { count: this.#get(this.#sql.countLive, keysOf, start, endOf(slice)) ?? 0 };
  }

  newestIn(range: KeyRange, visitMax: number): ChangeNumber | undefined {
    let newest = 0;
    // One more than allowed is asked for, to tell "all of them" from "too many"; capped, because
    // the largest count there is stands for no bound.
    const rowsMax = Math.min(visitMax + 1, Number.MAX_SAFE_INTEGER);
    for (const statement of [this.#sql.newestLive, this.#sql.newestDead]) {
      const parse = (row: SqliteRow) => ({ keys: keysOf(row), newest: count(row, "newest") });
      const found = this.#get(statement, parse, range.start, endOf(range), rowsMax);
      if (found === undefined || found.keys > visitMax) return undefined;
      newest = Math.max(newest, found.newest);
    }
    return newest;
  }

  lastChangeIn(
    range: KeyRange,
    { after, through }: { readonly after: ChangeNumber; readonly through: ChangeNumber },
  ): ChangeNumber {
    const statement = this.#sql.lastChangeIn;
    return this.#get(statement, numberOf, through, after, range.start, endOf(range)) ?? 0;
  }

  ledgerRow(key: Uint8Array): LedgerRow | undefined {
    return this.#get(this.#sql.ledgerRow, parseLedgerRow, key);
  }

  ledgerSlice(slice: Slice): readonly LedgerRow[] {
    const { ledger } = slice.reverse ? this.#sql.backward : this.#sql.forward;
    return this.#all(ledger, parseLedgerRow, slice.start, endOf(slice), slice.rowsMax);
  }

  setLedgerRow({ key, value, crc32c }: LedgerRow): void {
    this.#write(this.#sql.setLedgerRow, key, value, crc32c);
  }

  deleteLedgerRow(key: Uint8Array): void {
    this.#write(this.#sql.deleteLedgerRow, key);
  }

  image(): void {
    throw new ImagesNotAvailableError();
  }

  stage(): SnapshotStage {
    throw new ImagesNotAvailableError();
  }

  /** There is never one: no stage can be opened. */
  staged(): SnapshotMeta | undefined {
    return undefined;
  }

  adopt(): void {
    throw new ImagesNotAvailableError();
  }

  damaged(what: string): FatalStorageError {
    const failure = kvDamageError(this.#options, what);
    this.#failure ??= failure;
    return failure;
  }

  /** What is not committed is dropped. */
  close(): void {
    this.rollback();
    this.#guarded("closed", () => this.#database.close());
  }

  /** No change was found: then the statement must find no number of one either. */
  #absent(statement: SqliteStatement, key: Uint8Array): undefined {
    const number = this.#get(statement, numberOf, key);
    if (number !== undefined) throw this.damaged(`change ${number} is missing`);
  }

  #write(statement: SqliteStatement, ...values: readonly (number | Uint8Array)[]): void {
    this.#begin();
    this.#guarded("written", () => statement.run(...values));
  }

  #get<T>(
    statement: SqliteStatement,
    parse: (row: SqliteRow) => T,
    ...values: readonly (number | Uint8Array)[]
  ): T | undefined {
    return this.#guarded("read", () => {
      const row = statement.get(...values);
      return row && parse(row);
    });
  }

  #all<T>(
    statement: SqliteStatement,
    parse: (row: SqliteRow) => T,
    ...values: readonly (number | Uint8Array)[]
  ): readonly T[] {
    return this.#guarded("read", () => statement.all(...values).map(parse));
  }

  #guarded<T>(what: string, run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (error instanceof SqliteError && (error.resultCode & 0xff) === sqliteFull) {
        // SQLite may have rolled back by itself already; a part of a transaction must not stay.
        this.rollback();
        throw new KvFullError(`${this.#options.path} could not be ${what}: the disk is full`);
      }
      const failure = kvDatabaseError(this.#options, what, error);
      this.#failure ??= failure;
      throw failure;
    }
  }
}

function parseKeyed(row: SqliteRow): Change {
  return parseChange(row);
}

function keysOf(row: SqliteRow): number {
  return count(row, "keys");
}

function numberOf(row: SqliteRow): number {
  return count(row, "number");
}

function endOf(range: KeyRange): Uint8Array {
  return range.end ?? endOfKeys;
}
