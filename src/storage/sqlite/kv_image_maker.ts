/**
 * Makes images of kv.db while it is written to. Right after a complete checkpoint the main file is
 * the state of the last commit, and only a checkpoint changes it. So the file is copied in slices,
 * and checkpoints are ours meanwhile: before one may overwrite a page that is not copied yet, the
 * page goes into the copy as it is (docs/decisions/0022-images-of-the-store.md). Which pages those
 * are stands in the write-ahead log. The log grows no further than without an image, and no
 * checkpoint is larger.
 */

import type { KvMeta } from "../../kv/ports.ts";
import { assert } from "../../lib/assert.ts";
import type { SnapshotImage } from "../../node/ports.ts";
import { type SqliteDatabase, SqliteError } from "../../runtime/mod.ts";
import {
  errorCode,
  errorText,
  type OpenFile,
  openToRead,
  type ReadFile,
} from "../directory/files.ts";
import { type ImageJob, type ImageOutcome, pageBytes } from "../image_work.ts";
import { metaOfImage } from "../snapshot_meta.ts";
import { readPragma, setPragma } from "../sqlite_pragma.ts";
import { checkpointPages, sqliteFull } from "./kv_database.ts";
import type { KvImageFolder } from "./kv_image_folder.ts";
import { WalPages } from "./wal_pages.ts";

/** A slice every so often is the rate at which an image is made: 32 MiB a second. */
export const sliceBytes = 1024 * 1024;
export const sliceIntervalMs = 30;
/** A log that has come so far, because the disk takes no slice, ends the attempt. */
const walPagesMax = 16_384;
/** Pages that lie side by side are copied at once, up to so many. */
const runPagesMax = 64;

/** What is made now. */
interface Making {
  readonly pass: number;
  readonly stored: KvMeta;
  readonly path: string;
  readonly bytes: number;
  readonly copy: OpenFile;
  readonly walFile: ReadFile;
  readonly wal: WalPages;
  readonly done: (image: SnapshotImage | undefined) => void;
  readonly stopTicks: () => void;
  /** Where what nobody has been asked to copy yet begins. */
  at: number;
  /** A slice is being copied. */
  isBusy: boolean;
  /** The log wants a checkpoint as soon as no slice is being copied. */
  isCheckpointDue: boolean;
  /** Offsets behind `at` of pages that stand in the copy already. */
  readonly kept: Set<number>;
}

/** What a maker stands on. */
export interface KvImageMakerParts {
  readonly database: SqliteDatabase;
  /** Of kv.db. */
  readonly path: string;
  readonly folder: KvImageFolder;
  /** No transaction is open. */
  readonly isBetween: () => boolean;
}

/** For one connection. */
export class KvImageMaker {
  readonly #parts: KvImageMakerParts;
  #making: Making | undefined;
  /** See image_work.ts: open until the connection is closed. */
  #source: ReadFile | undefined;

  constructor(parts: KvImageMakerParts) {
    this.#parts = parts;
  }

  get isMaking(): boolean {
    return this.#making !== undefined;
  }

  /** Between transactions. Throws what SQLite throws. */
  make(stored: KvMeta, done: (image: SnapshotImage | undefined) => void): void {
    const { database, path, folder } = this.#parts;
    if (this.#making !== undefined) {
      folder.problem("An image could not be begun: another one is being made");
      return done(undefined);
    }
    const size = (): number => Number(readPragma(database, "page_count")) * pageBytes;
    const shortage = folder.shortage(size());
    if (shortage !== undefined) {
      folder.problem(`An image could not be begun: ${shortage}`);
      return done(undefined);
    }
    this.#setAutocheckpoint(0);
    try {
      checkpoint(database);
      const bytes = size();
      const making = this.#begin(stored, { bytes, done });
      this.#making = making;
      this.#run(making, { kind: "copy", pass: making.pass, from: path, to: making.path, bytes });
    } catch (error) {
      this.#setAutocheckpoint(checkpointPages);
      if (errorCode(error) === undefined) throw error;
      folder.problem(`An image could not be begun: ${errorText(error)}`);
      done(undefined);
    }
  }

  #begin(
    stored: KvMeta,
    { bytes, done }: Pick<Making, "bytes" | "done">,
  ): Making {
    const { path, folder } = this.#parts;
    const { clock, files } = folder.options;
    this.#source ??= openToRead(path);
    const image = folder.newImage();
    const copy = files.open(image, "create");
    let walFile: Making["walFile"];
    try {
      walFile = openToRead(`${path}-wal`);
    } catch (error) {
      copy.close();
      files.remove(image);
      throw error;
    }
    const wal = new WalPages(walFile);
    // What stands there now is in the main file.
    wal.committed();
    return {
      ...{ pass: folder.newPass(), stored, path: image, bytes, done, copy, walFile, wal },
      stopTicks: clock.every(sliceIntervalMs, () => folder.guard(() => this.#tick())),
      ...{ at: 0, isBusy: false, isCheckpointDue: false, kept: new Set() },
    };
  }

  /** A transaction was committed: between two, like every call of this. */
  committed(): void {
    const making = this.#making;
    if (making === undefined || making.at === making.bytes) return;
    try {
      this.#keep(making, making.wal.committed());
    } catch (error) {
      return this.giveUp(`pages could not be copied: ${errorText(error)}`);
    }
    if (making.wal.frames >= walPagesMax) {
      return this.giveUp(`the log has come to ${making.wal.frames} pages`);
    }
    making.isCheckpointDue = making.wal.frames >= checkpointPages;
    this.#checkpointIfDue(making);
  }

  /** Before the connection is closed. Nobody is told. */
  stop(): void {
    const making = this.#making;
    if (making !== undefined) this.#end(making);
  }

  /** The connection is closed. */
  closed(): void {
    const { path, folder } = this.#parts;
    this.#source?.close();
    if (this.#source !== undefined) {
      folder.options.work.run({ kind: "forget", from: path }, () => {});
    }
    this.#source = undefined;
  }

  /** Copies those of the pages that nobody has copied and nobody is copying. */
  #keep(making: Making, pages: readonly number[]): void {
    const places = [...new Set(pages)].map((page) => (page - 1) * pageBytes)
      .filter((place) => place >= making.at && place < making.bytes && !making.kept.has(place))
      .sort((a, b) => a - b);
    for (let at = 0; at < places.length;) {
      const from = places[at]!;
      let count = 1;
      while (count < runPagesMax && places[at + count] === from + count * pageBytes) count++;
      const run = this.#source?.read(from, count * pageBytes);
      assert(run?.length === count * pageBytes, `Page at byte ${from} of ${this.#parts.path}`);
      making.copy.write(run, from);
      for (let each = 0; each < count; each++) making.kept.add(from + each * pageBytes);
      at += count;
    }
  }

  #checkpointIfDue(making: Making): void {
    if (!making.isCheckpointDue || making.isBusy || !this.#parts.isBetween()) return;
    making.isCheckpointDue = false;
    try {
      checkpoint(this.#parts.database);
    } catch (error) {
      if (!isFull(error)) throw error;
      this.giveUp("the disk is full");
    }
  }

  #tick(): void {
    const making = this.#making;
    if (making === undefined || making.isBusy || making.isCheckpointDue) return;
    if (making.at === making.bytes) return;
    const end = Math.min(making.bytes, making.at + sliceBytes);
    const kept: number[] = [];
    for (let place = making.at; place < end; place += pageBytes) {
      if (making.kept.delete(place)) kept.push(place);
    }
    making.at = end;
    this.#run(making, { kind: "next", pass: making.pass, bytes: sliceBytes, kept });
  }

  #run(making: Making, job: ImageJob): void {
    making.isBusy = true;
    const { folder } = this.#parts;
    folder.options.work.run(job, (outcome) => {
      if (this.#making !== making) return;
      folder.guard(() => this.#went(making, outcome));
    });
  }

  #went(making: Making, outcome: ImageOutcome): void {
    making.isBusy = false;
    if (outcome.kind === "failed") return this.giveUp(outcome.reason);
    if (outcome.kind === "digest") return this.#finish(making, outcome.digest);
    this.#checkpointIfDue(making);
    if (making.at < making.bytes) return;
    // All of it is copied: from here on the main file may change.
    this.#setAutocheckpoint(checkpointPages);
    this.#run(making, { kind: "end", pass: making.pass });
  }

  #finish(making: Making, digest: Uint8Array): void {
    const { folder } = this.#parts;
    const { stored, bytes, path } = making;
    this.#making = undefined;
    closeFiles(making);
    making.done(folder.finished(path, metaOfImage(stored, { bytes, digest })));
  }

  /**
   * Ends it early: what was written was taken back, so that whatever the log said of it may be said
   * of other pages; or another file takes the place of this.
   */
  giveUp(why: string): void {
    const making = this.#making;
    if (making === undefined) return;
    this.#end(making);
    this.#parts.folder.problem(`An image was given up: ${why}`);
    making.done(undefined);
  }

  #end(making: Making): void {
    const { folder } = this.#parts;
    this.#making = undefined;
    this.#setAutocheckpoint(checkpointPages);
    closeFiles(making);
    folder.options.work.run({ kind: "drop", pass: making.pass }, () => {});
    folder.options.files.remove(making.path);
  }

  #setAutocheckpoint(pages: number): void {
    setPragma(this.#parts.database, { name: "wal_autocheckpoint", to: pages, reads: pages });
  }
}

function closeFiles(making: Making): void {
  making.stopTicks();
  making.copy.close();
  making.walFile.close();
}

/** Moves everything into the main file: with one connection there is nobody who holds it up. */
function checkpoint(database: SqliteDatabase): void {
  const statement = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  const row = statement.get();
  statement.finalize();
  const { busy, log, checkpointed } = row ?? {};
  assert(busy === 0 && log === checkpointed, `A checkpoint moved ${checkpointed} of ${log} pages`);
}

function isFull(error: unknown): boolean {
  return error instanceof SqliteError && (error.resultCode & 0xff) === sqliteFull;
}
