/**
 * The one connection to kv.db with the one transaction that is open on it, and the images that are
 * made of its file or take its place.
 */

import { keyBytesMax, type KvAudit, KvFullError, type KvMeta } from "../../kv/ports.ts";
import { assert } from "../../lib/assert.ts";
import type { FatalStorageError, SnapshotImage } from "../../node/ports.ts";
import { type SqliteDatabase, SqliteError } from "../../runtime/mod.ts";
import { SqliteKvAudit } from "./kv_audit.ts";
import {
  kvDamageError,
  kvDatabaseError,
  type KvDatabaseOptions,
  openKvDatabase,
  setSynchronous,
  sqliteFull,
} from "./kv_database.ts";
import { kvFlaw } from "./kv_flaw.ts";
import { KvImageFolder } from "./kv_image_folder.ts";
import { KvImageMaker } from "./kv_image_maker.ts";
import { type MetaRow, metaValues, readMeta } from "./kv_schema.ts";
import { KvStages, type KvStagesParts } from "./kv_stages.ts";
import { completeAdoption } from "./kv_adoption.ts";
import { type KvStatements, prepareStatements } from "./kv_statements.ts";

/** Above every key: the end of a range that has none. */
export const endOfKeys: Uint8Array = new Uint8Array(keyBytesMax + 1).fill(0xff);

/** What goes with one connection. */
interface Connection {
  readonly database: SqliteDatabase;
  readonly sql: KvStatements;
  readonly meta: MetaRow;
  readonly maker: KvImageMaker;
  readonly audit: KvAudit;
}

/** Every method throws FatalStorageError when SQLite fails, KvFullError when the disk is full. */
export class KvConnection {
  readonly #options: KvDatabaseOptions;
  readonly #folder: KvImageFolder;
  readonly stages: KvStages;
  #on: Connection;
  /** The row of meta as of the last commit. */
  #meta: MetaRow;
  /** A transaction is open. */
  #isOpen = false;
  /** SQLite failed, and may have ended the transaction: nothing may be written behind that. */
  #failure: FatalStorageError | undefined;

  constructor(options: KvDatabaseOptions) {
    const { path, images, clusterId, openSqlite } = options;
    this.#options = options;
    completeAdoption(path, images);
    this.#folder = new KvImageFolder(images);
    this.#on = this.#connected(this.#folder);
    this.#meta = this.#on.meta;
    this.#folder.removeLeftImages();
    const looking = { openSqlite, files: images.files, clusterId };
    const flawOf: KvStagesParts["flawOf"] = (file, meta) => kvFlaw(file, meta, looking);
    this.stages = new KvStages({ folder: this.#folder, flawOf });
    this.stages.applied(this.#meta.meta.applied.index);
  }

  #connected(folder: KvImageFolder): Connection {
    const { path } = this.#options;
    const database = openKvDatabase(this.#options);
    const sql = this.guarded("read", () => prepareStatements(database));
    const meta = this.guarded("read", () => readMeta(database));
    const isBetween = (): boolean => !this.#isOpen;
    const maker = new KvImageMaker({ database, path, folder, isBetween });
    const audited = {
      ...{ database, endOfKeys, stored: () => this.#meta.meta },
      guarded: <T>(read: () => T) => this.guarded("read", read),
      damaged: (what: string) => this.damaged(what),
    };
    const audit = this.guarded("read", () => new SqliteKvAudit(audited));
    return { database, sql, meta, maker, audit };
  }

  /** The row of meta as of the last commit. */
  get stored(): MetaRow {
    return this.#meta;
  }

  get database(): SqliteDatabase {
    return this.#on.database;
  }

  get sql(): KvStatements {
    return this.#on.sql;
  }

  get audit(): KvAudit {
    return this.#on.audit;
  }

  /** An image is being made of the file. */
  get isCopied(): boolean {
    return this.#on.maker.isMaking;
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
    this.guarded("written", () => setSynchronous(this.#on.database, "FULL"));
    try {
      this.#commitMeta(meta);
    } finally {
      // After a failed commit the transaction may still be open, and the level would stay.
      this.rollback();
      this.guarded("written", () => setSynchronous(this.#on.database, "NORMAL"));
    }
  }

  #commitMeta(meta: KvMeta): void {
    this.begin();
    const next = { ...this.#meta, commits: this.#meta.commits + 1, meta };
    this.guarded("written", () => {
      this.#on.sql.replaceMeta.run(...metaValues(next));
      this.#on.sql.commit.run();
    });
    this.#isOpen = false;
    this.#meta = next;
    this.stages.applied(meta.applied.index);
    if (this.#on.maker.isMaking) this.guarded("copied", () => this.#on.maker.committed());
  }

  /** The first write after a commit begins a transaction. */
  begin(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isOpen) return;
    this.guarded("written", () => this.#on.sql.begin.run());
    this.#isOpen = true;
  }

  rollback(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      this.#on.sql.rollback.run();
    } catch (error) {
      // A full disk may have ended the transaction already; then there is nothing to take back.
      const gone = error instanceof SqliteError && error.message.includes("no transaction");
      if (!gone) throw kvDatabaseError(this.#options, "rolled back", error);
    }
    this.#on.maker.giveUp("what was being written was taken back");
  }

  savepoint(): void {
    this.begin();
    this.guarded("written", () => this.#on.sql.savepoint.run());
  }

  backToSavepoint(): void {
    this.guarded("written", () => {
      this.#on.sql.backToSavepoint.run();
      this.#on.sql.releaseSavepoint.run();
    });
  }

  releaseSavepoint(): void {
    this.guarded("written", () => this.#on.sql.releaseSavepoint.run());
  }

  image(done: (image: SnapshotImage | undefined) => void): void {
    try {
      this.guarded("copied", () => this.#on.maker.make(this.#meta.meta, done));
    } catch (error) {
      if (!(error instanceof KvFullError)) throw error;
      this.#folder.problem("An image could not be begun: the disk is full");
      done(undefined);
    }
  }

  adopt(): void {
    assert(!this.#isOpen, "An image to adopt in an open transaction");
    this.stages.decide();
    this.#on.maker.giveUp("the store becomes another one");
    this.#disconnect();
    completeAdoption(this.#options.path, this.#options.images);
    this.#on = this.#connected(this.#folder);
    this.#meta = this.#on.meta;
  }

  damaged(what: string): FatalStorageError {
    const failure = kvDamageError(this.#options, what);
    this.#failure ??= failure;
    return failure;
  }

  /** What is not committed is dropped. */
  close(): void {
    this.#on.maker.stop();
    this.rollback();
    this.stages.close();
    this.#disconnect();
    this.#folder.releaseAll();
  }

  #disconnect(): void {
    this.#on.maker.stop();
    this.guarded("closed", () => this.#on.database.close());
    this.#on.maker.closed();
  }

  /** Runs what has to do with SQLite; `what` it was to be done with the file. */
  guarded<T>(what: string, run: () => T): T {
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
