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
  type KeyedChange,
  type KeyRange,
  type KvAudit,
  type KvMeta,
  type KvTables,
  type LedgerRow,
  type Slice,
  type TimedChange,
} from "../../kv/ports.ts";
import type { FatalStorageError, SnapshotImage, SnapshotStage } from "../../node/ports.ts";
import type { SnapshotMeta } from "../../raft/types.ts";
import { type SqliteRow, type SqliteStatement } from "../../runtime/mod.ts";
import { endOfKeys, KvConnection } from "./kv_connection.ts";
import type { KvDatabaseOptions } from "./kv_database.ts";
import { pageBytes } from "../image_work.ts";
import { readPragma } from "../sqlite_pragma.ts";
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

/**
 * Opens, or makes, kv.db. Every method throws FatalStorageError when SQLite fails, except that a
 * full disk is a KvFullError.
 */
export class SqliteKvTables implements KvTables {
  readonly #at: KvConnection;

  constructor(options: KvDatabaseOptions) {
    this.#at = new KvConnection(options);
  }

  get audit(): KvAudit {
    return this.#at.audit;
  }

  stored(): KvMeta {
    return this.#at.stored.meta;
  }

  commit(meta: KvMeta, how: "normal" | "durable"): void {
    this.#at.commit(meta, how);
  }

  rollback(): void {
    this.#at.rollback();
  }

  savepoint(): void {
    this.#at.savepoint();
  }

  backToSavepoint(): void {
    this.#at.backToSavepoint();
  }

  releaseSavepoint(): void {
    this.#at.releaseSavepoint();
  }

  append(change: Change, over: "live" | "dead" | "absent"): void {
    this.#at.begin();
    const { key, number } = change;
    this.#at.guarded("written", () => {
      this.#at.sql.insertChange.run(...changeValues(change));
      if (change.version === 0) {
        this.#at.sql.deleteLive.run(key);
        this.#at.sql.insertDead.run(key, number);
      } else if (over === "live") {
        this.#at.sql.updateLive.run(number, key);
      } else {
        if (over === "dead") this.#at.sql.deleteDead.run(key);
        this.#at.sql.insertLive.run(key, number);
      }
    });
  }

  removeChange(number: ChangeNumber): void {
    this.#write(this.#at.sql.removeChange, number);
  }

  forgetDead(key: Uint8Array): void {
    this.#write(this.#at.sql.deleteDead, key);
  }

  giveBack(bytesMax: number): boolean {
    // The pages at the end of the file, which would go, may be wanted by the image.
    if (this.#at.isCopied) return false;
    const free = this.#at.guarded("read", () => readPragma(this.#at.database, "freelist_count"));
    if (free === 0) return false;
    this.#at.begin();
    const pages = Math.ceil(bytesMax / pageBytes);
    this.#at.guarded("written", () => {
      // A page is given back with each step of the statement.
      const statement = this.#at.database.prepare(`PRAGMA incremental_vacuum(${pages})`);
      statement.all();
      statement.finalize();
    });
    return Number(free) > pages;
  }

  head(key: Uint8Array): ChangeHead | undefined {
    return this.#get(this.#at.sql.head, parseHead, key) ??
      this.#absent(this.#at.sql.liveNumber, key) ?? this.#absent(this.#at.sql.deadNumber, key);
  }

  live(key: Uint8Array): Change | undefined {
    return this.#get(this.#at.sql.live, (row) => parseChange(row, key), key) ??
      this.#absent(this.#at.sql.liveNumber, key);
  }

  change(number: ChangeNumber): Change | undefined {
    return this.#get(this.#at.sql.change, parseKeyed, number);
  }

  keyedChange(number: ChangeNumber): KeyedChange | undefined {
    return this.#get(this.#at.sql.keyedChange, parseKeyedChange, number);
  }

  link(number: ChangeNumber): ChangeLink | undefined {
    return this.#get(this.#at.sql.link, parseLink, number);
  }

  firstFrom(number: ChangeNumber): ChangePlace | undefined {
    const parse = (row: SqliteRow) => ({
      number: count(row, "number"),
      revision: count(row, "revision"),
      timeMs: count(row, "time_ms"),
    });
    return this.#get(this.#at.sql.firstFrom, parse, number);
  }

  changeSlice(
    number: ChangeNumber,
    { rowsMax, valuesIn }: { readonly rowsMax: number; readonly valuesIn: KeyRange },
  ): readonly TimedChange[] {
    const { start } = valuesIn;
    const statement = this.#at.sql.changeSlice;
    return this.#all(statement, parseTimedChange, start, endOf(valuesIn), number, rowsMax);
  }

  liveSlice(slice: Slice & { readonly values: boolean }): readonly KeyedChange[] {
    const direction = slice.reverse ? this.#at.sql.backward : this.#at.sql.forward;
    const statement = slice.values ? direction.liveWithValues : direction.live;
    return this.#all(statement, parseKeyedChange, slice.start, endOf(slice), slice.rowsMax);
  }

  deadSlice(slice: Slice): readonly DeadKey[] {
    const { dead } = slice.reverse ? this.#at.sql.backward : this.#at.sql.forward;
    const parse = (row: SqliteRow) => ({ key: blob(row, "key"), number: count(row, "number") });
    return this.#all(dead, parse, slice.start, endOf(slice), slice.rowsMax);
  }

  countLive(slice: Slice): { readonly count: number; readonly next?: Uint8Array } {
    const { start, rowsMax } = slice;
    const { keyAtOffset } = slice.reverse ? this.#at.sql.backward : this.#at.sql.forward;
    const next = this.#get(keyAtOffset, (row) => blob(row, "key"), start, endOf(slice), rowsMax);
    if (next !== undefined) return { count: rowsMax, next };
    return { count: this.#get(this.#at.sql.countLive, keysOf, start, endOf(slice)) ?? 0 };
  }

  newestIn(range: KeyRange, visitMax: number): ChangeNumber | undefined {
    let newest = 0;
    // One more than allowed is asked for, to tell "all of them" from "too many"; capped, because
    // the largest count there is stands for no bound.
    const rowsMax = Math.min(visitMax + 1, Number.MAX_SAFE_INTEGER);
    for (const statement of [this.#at.sql.newestLive, this.#at.sql.newestDead]) {
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
    const statement = this.#at.sql.lastChangeIn;
    return this.#get(statement, numberOf, through, after, range.start, endOf(range)) ?? 0;
  }

  ledgerRow(key: Uint8Array): LedgerRow | undefined {
    return this.#get(this.#at.sql.ledgerRow, parseLedgerRow, key);
  }

  ledgerSlice(slice: Slice): readonly LedgerRow[] {
    const { ledger } = slice.reverse ? this.#at.sql.backward : this.#at.sql.forward;
    return this.#all(ledger, parseLedgerRow, slice.start, endOf(slice), slice.rowsMax);
  }

  setLedgerRow({ key, value, crc32c }: LedgerRow): void {
    this.#write(this.#at.sql.setLedgerRow, key, value, crc32c);
  }

  deleteLedgerRow(key: Uint8Array): void {
    this.#write(this.#at.sql.deleteLedgerRow, key);
  }

  image(done: (image: SnapshotImage | undefined) => void): void {
    this.#at.image(done);
  }

  stage(meta: SnapshotMeta): SnapshotStage {
    return this.#at.stages.open(meta);
  }

  staged(): SnapshotMeta | undefined {
    return this.#at.stages.staged;
  }

  adopt(): void {
    this.#at.adopt();
  }

  damaged(what: string): FatalStorageError {
    return this.#at.damaged(what);
  }

  /** What is not committed is dropped. */
  close(): void {
    this.#at.close();
  }

  /** No change was found: then the statement must find no number of one either. */
  #absent(statement: SqliteStatement, key: Uint8Array): undefined {
    const number = this.#get(statement, numberOf, key);
    if (number !== undefined) throw this.damaged(`change ${number} is missing`);
  }

  #write(statement: SqliteStatement, ...values: readonly (number | Uint8Array)[]): void {
    this.#at.begin();
    this.#at.guarded("written", () => statement.run(...values));
  }

  #get<T>(
    statement: SqliteStatement,
    parse: (row: SqliteRow) => T,
    ...values: readonly (number | Uint8Array)[]
  ): T | undefined {
    return this.#at.guarded("read", () => {
      const row = statement.get(...values);
      return row && parse(row);
    });
  }

  #all<T>(
    statement: SqliteStatement,
    parse: (row: SqliteRow) => T,
    ...values: readonly (number | Uint8Array)[]
  ): readonly T[] {
    return this.#at.guarded("read", () => statement.all(...values).map(parse));
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
