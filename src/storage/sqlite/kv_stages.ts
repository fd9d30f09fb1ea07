/**
 * The image of another node while it is received, and how it takes the place of kv.db
 * (kv_image_folder.ts says in which files). Everything that a crash may split is one rename: the
 * stage is finished by the first, and adopted by the second. What follows the second is done again
 * at the next start until it is done: the old write-ahead log goes before the new file comes, or
 * SQLite would replay the one into the other.
 */

import { basename, dirname, join } from "node:path";
import { assert } from "../../lib/assert.ts";
import { ByteReader, ByteWriter, equalBytes, MalformedBytesError } from "../../lib/bytes.ts";
import { crc32c } from "../../lib/crc32c.ts";
import { DiskFullError, FatalStorageError, type SnapshotStage } from "../../node/ports.ts";
import type { Index, SnapshotMeta } from "../../raft/types.ts";
import {
  errorCode,
  errorText,
  type Files,
  freeLater,
  isNoSpace,
  type OpenFile,
  replaceFile,
} from "../directory/files.ts";
import type { ImageJob, ImageOutcome } from "../image_work.ts";
import { decodeSnapshotMeta, encodeSnapshotMeta, isSameImage } from "../snapshot_meta.ts";
import { adoptedPath } from "./kv_adoption.ts";
import { folderError, type KvImageFolder } from "./kv_image_folder.ts";

/**
 * So much is written before it is asked to be synced: more would hold up the syncs of the log.
 * While it is synced as much may be written again, and then no more is asked for.
 */
const unsyncedBytesMax = 4 * 1024 * 1024;
/** What is read at once for the digest. */
const readBytes = 8 * 1024 * 1024;

/** What stages stand on. */
export interface KvStagesParts {
  readonly folder: KvImageFolder;
  /** Why the file holds no store of this cluster that is what `meta` says; undefined if it does. */
  readonly flawOf: (path: string, meta: SnapshotMeta) => string | undefined;
}

interface Stage {
  readonly meta: SnapshotMeta;
  /** Undefined when it is finished. */
  file: OpenFile | undefined;
  offset: number;
  unsynced: number;
  isSyncing: boolean;
  /** Those who would write more. */
  waiting: (() => void)[];
  /** The pass that reads it for its digest. */
  pass: number | undefined;
}

type Failed = Extract<ImageOutcome, { readonly kind: "failed" }>;

/** One image at a time. */
export class KvStages {
  readonly #parts: KvStagesParts;
  readonly #paths: { readonly meta: string; readonly part: string; readonly whole: string };
  #stage: Stage | undefined;
  #staged: SnapshotMeta | undefined;
  /** Of the part that a process before this one has left, until it is gone on with. */
  #left: SnapshotMeta | undefined;
  /**
   * A sync of what the part holds has failed. The kernel tells that once and takes the pages for
   * clean: whatever a later sync says, they may not be on the disk.
   */
  #unsyncable: Failed | undefined;

  /** Looks at what a process before this one has left. Throws FatalStorageError. */
  constructor(parts: KvStagesParts) {
    this.#parts = parts;
    const { directory } = parts.folder.options;
    const at = (name: string): string => join(directory, name);
    this.#paths = { meta: at("stage.meta"), part: at("stage.part"), whole: at("stage") };
    this.#guarded(() => this.#findLeft());
  }

  /** What is finished. */
  get staged(): SnapshotMeta | undefined {
    return this.#staged;
  }

  /** See KvTables. */
  open(meta: SnapshotMeta): SnapshotStage {
    this.#close();
    const stage = this.#guarded(() => this.#openStage(meta));
    this.#stage = stage;
    this.#left = undefined;
    const isCurrent = (): boolean => this.#stage === stage;
    return {
      get offset() {
        return stage.offset;
      },
      write: (chunk) => {
        assert(isCurrent(), "The stage to write to is closed");
        this.#guarded(() => this.#write(stage, chunk));
      },
      ready: (done) => {
        assert(isCurrent(), "The stage to write to is closed");
        if (stage.isSyncing && stage.unsynced >= unsyncedBytesMax) stage.waiting.push(done);
        else done();
      },
      finish: (done) => {
        assert(isCurrent(), "The stage to finish is closed");
        if (stage.file === undefined) done("staged");
        else this.#guarded(() => this.#finish(stage, done));
      },
      abort: () => {
        if (isCurrent()) this.#guarded(() => this.#forget());
      },
    };
  }

  /**
   * Decides that what is staged takes the place of kv.db; `completeAdoption` does it. Throws
   * FatalStorageError where it is not any more what it was found to be.
   */
  decide(): void {
    const { folder, flawOf } = this.#parts;
    const { whole, meta: metaPath } = this.#paths;
    const meta = this.#staged;
    assert(meta !== undefined, "There is an image to adopt");
    this.#close();
    this.#guarded(() => {
      const flaw = flawOf(whole, meta);
      if (flaw !== undefined) {
        this.#forget();
        throw new FatalStorageError(`${whole} is damaged: ${flaw}; it is received anew`);
      }
      const { files, directory } = folder.options;
      files.rename(whole, adoptedPath(directory));
      files.syncDirectory(directory);
      files.remove(metaPath);
    });
    this.#staged = undefined;
  }

  /** The store has come to `index` by itself: what is here from before and not in use goes. */
  applied(index: Index): void {
    const unused = this.#left ?? (this.#stage === undefined ? this.#staged : undefined);
    if (unused === undefined || unused.position.index > index) return;
    this.#guarded(() => this.#removeAll());
  }

  /** The files stay: the next process goes on with them. */
  close(): void {
    this.#close();
  }

  #findLeft(): void {
    const { files, directory } = this.#parts.folder.options;
    const names = files.list(directory);
    if (names.length === 0) return;
    // It may have been killed before it synced them: what is told of them must stay true.
    files.syncDirectory(directory);
    const meta = names.includes("stage.meta") ? readMeta(files, this.#paths.meta) : undefined;
    const isWhole = names.includes("stage") && meta !== undefined &&
      sizeOf(files, this.#paths.whole) === meta.bytes;
    if (isWhole) this.#staged = meta;
    else if (meta === undefined || names.includes("stage")) this.#removeAll();
    else this.#left = meta;
  }

  #openStage(meta: SnapshotMeta): Stage {
    const { folder } = this.#parts;
    const { files } = folder.options;
    const { part } = this.#paths;
    const open = { meta, unsynced: 0, isSyncing: false, waiting: [], pass: undefined };
    const held = this.#staged ?? readMeta(files, this.#paths.meta);
    const isHeld = held !== undefined && isSameImage(held, meta);
    if (isHeld && this.#staged !== undefined) {
      return { ...open, file: undefined, offset: meta.bytes };
    }
    const heldBytes = isHeld ? sizeOf(files, part) : undefined;
    if (heldBytes !== undefined) {
      this.#requireRoom(meta.bytes - heldBytes);
      const file = files.open(part, "existing");
      if (file.size() > meta.bytes) file.truncate(meta.bytes);
      return { ...open, file, offset: file.size() };
    }
    folder.make();
    // What is being freed may still count as taken.
    const freed = (sizeOf(files, part) ?? 0) + (sizeOf(files, this.#paths.whole) ?? 0);
    this.#removeAll();
    this.#requireRoom(meta.bytes - freed);
    replaceFile(files, this.#paths.meta, metaFile(meta));
    return { ...open, file: files.open(part, "create"), offset: 0 };
  }

  /** Others need the disk, too: an image that does not fit gives back what it has taken. */
  #requireRoom(bytes: number): void {
    const { folder } = this.#parts;
    const shortage = folder.shortage(Math.max(0, bytes));
    if (shortage === undefined) return;
    this.#forget();
    throw new DiskFullError(`The image in ${folder.options.directory} has no room: ${shortage}`);
  }

  #write(stage: Stage, chunk: Uint8Array): void {
    assert(stage.file !== undefined && stage.pass === undefined, "The stage is being finished");
    if (this.#unsyncable !== undefined) throw this.#givenUp(this.#unsyncable);
    this.#requireRoom(stage.meta.bytes - stage.offset);
    const bytes = chunk.subarray(0, stage.meta.bytes - stage.offset);
    try {
      stage.file.write(bytes, stage.offset);
    } catch (error) {
      stage.file.truncate(stage.offset);
      throw error;
    }
    stage.offset += bytes.length;
    stage.unsynced += bytes.length;
    this.#syncIfDue(stage);
  }

  #syncIfDue(stage: Stage): void {
    if (stage.unsynced < unsyncedBytesMax || stage.isSyncing) return;
    stage.unsynced = 0;
    stage.isSyncing = true;
    this.#work({ kind: "sync", path: this.#paths.part }, (outcome) => {
      stage.isSyncing = false;
      // It is not there any more where it was dropped meanwhile.
      if (outcome.kind === "failed" && outcome.code !== "ENOENT") this.#unsyncable ??= outcome;
      if (this.#stage !== stage) return;
      if (stage.pass === undefined) this.#syncIfDue(stage);
      for (const tell of stage.waiting.splice(0)) tell();
    });
  }

  #finish(stage: Stage, done: (outcome: "staged" | "corrupt" | "busy") => void): void {
    const { meta, offset } = stage;
    assert(stage.pass === undefined, "The stage is being finished");
    if (offset !== meta.bytes) {
      const flaw = `it ends at byte ${offset} of ${meta.bytes}`;
      return this.#refuse(stage, flaw, done);
    }
    const pass = this.#parts.folder.newPass();
    stage.pass = pass;
    let read = 0;
    const next = (): ImageJob => {
      if (read >= meta.bytes) return { kind: "end", pass };
      read += readBytes;
      return { kind: "next", pass, bytes: readBytes, kept: [] };
    };
    const went = (outcome: ImageOutcome): void => {
      if (this.#stage !== stage) return;
      this.#parts.folder.guard(() => {
        if (outcome.kind === "done") return this.#work(next(), went);
        stage.pass = undefined;
        const failed = this.#unsyncable ?? outcome;
        if (failed.kind === "failed") return this.#failed(failed, done);
        if (outcome.kind === "digest") this.#judge(stage, outcome.digest, done);
      });
    };
    this.#work({ kind: "read", pass, from: this.#paths.part, bytes: meta.bytes }, went);
  }

  #work(job: ImageJob, done: (outcome: ImageOutcome) => void): void {
    this.#parts.folder.options.work.run(job, done);
  }

  #failed(failed: Failed, done: (outcome: "busy") => void): void {
    const error = this.#givenUp(failed);
    if (!(error instanceof DiskFullError)) throw error;
    done("busy");
  }

  /**
   * Where there is no room for what was written already, it may come, but what was written is lost;
   * anything else is an end.
   */
  #givenUp({ code, reason }: Failed): Error {
    const what = `${this.#paths.part} could not be read and synced: ${reason}`;
    if (!isNoSpace(code)) return new FatalStorageError(what);
    this.#forget();
    return new DiskFullError(what);
  }

  #judge(
    stage: Stage,
    digest: Uint8Array,
    done: (outcome: "staged" | "corrupt") => void,
  ): void {
    const { folder, flawOf } = this.#parts;
    const { files, directory } = folder.options;
    const { part, whole } = this.#paths;
    const flaw = equalBytes(digest, stage.meta.digest)
      ? flawOf(part, stage.meta)
      : "its bytes are not those that were announced";
    if (flaw !== undefined) return this.#refuse(stage, flaw, done);
    stage.file?.close();
    stage.file = undefined;
    files.rename(part, whole);
    files.syncDirectory(directory);
    this.#staged = stage.meta;
    done("staged");
  }

  #refuse(stage: Stage, flaw: string, done: (outcome: "corrupt") => void): void {
    const { index } = stage.meta.position;
    this.#parts.folder.problem(`The image of entry ${index} is refused: ${flaw}`);
    this.#forget();
    done("corrupt");
  }

  #forget(): void {
    this.#close();
    this.#removeAll();
  }

  /** Durable: with another meta beside it, a finished stage would be taken for what it is not. */
  #removeAll(): void {
    const { files, directory } = this.#parts.folder.options;
    for (const path of Object.values(this.#paths)) {
      freeLater(path, () => files.remove(path));
    }
    files.syncDirectory(directory);
    this.#staged = undefined;
    this.#left = undefined;
    this.#unsyncable = undefined;
  }

  #close(): void {
    const stage = this.#stage;
    this.#stage = undefined;
    stage?.file?.close();
    if (stage?.pass !== undefined) this.#work({ kind: "drop", pass: stage.pass }, () => {});
  }

  /** No room is a DiskFullError, everything else the end. */
  #guarded<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (error instanceof DiskFullError) throw error;
      const { directory } = this.#parts.folder.options;
      if (isNoSpace(errorCode(error))) {
        throw new DiskFullError(`The image in ${directory} has no room: ${errorText(error)}`);
      }
      throw folderError(directory, error);
    }
  }
}

function metaFile(meta: SnapshotMeta): Uint8Array {
  const encoded = encodeSnapshotMeta(meta);
  return new ByteWriter().u32(crc32c(encoded)).raw(encoded).finish();
}

/** Undefined where there is none that can be read. */
function readMeta(files: Files, path: string): SnapshotMeta | undefined {
  const bytes = files.read(path);
  if (bytes === undefined) return undefined;
  try {
    const reader = new ByteReader(bytes);
    const checksum = reader.u32();
    const encoded = reader.raw(reader.remaining);
    return crc32c(encoded) === checksum ? decodeSnapshotMeta(encoded) : undefined;
  } catch (error) {
    if (error instanceof MalformedBytesError) return undefined;
    throw error;
  }
}

/** Undefined where there is no such file. */
function sizeOf(files: Files, path: string): number | undefined {
  if (!files.list(dirname(path)).includes(basename(path))) return undefined;
  const file = files.open(path, "existing");
  try {
    return file.size();
  } finally {
    file.close();
  }
}
