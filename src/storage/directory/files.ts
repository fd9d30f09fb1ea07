/**
 * The few file operations that durable storage is made of, as a port: production uses `node:fs`,
 * and tests put a model of a disk in its place that loses what was not synced, runs full, or ends
 * the process between any two operations.
 */

import {
  close,
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  open,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { writeWhole } from "../../lib/write_whole.ts";

/** An open file. Errors are those of `node:fs`, with their `code`. */
export interface OpenFile {
  size(): number;
  /** Bytes from `position` on, fewer where the file ends. */
  read(position: number, length: number): Uint8Array;
  /** Writes all of `bytes`, or throws; then a part of them may stand in the file. */
  write(bytes: Uint8Array, position: number): void;
  truncate(length: number): void;
  /** Returns once the data, and the length that finds it again, are on the disk. */
  sync(): void;
  close(): void;
}

/** Names and files of a disk. Errors are those of `node:fs`, with their `code`. */
export interface Files {
  /** `create`: makes an empty file, or empties the one that is there. */
  open(path: string, mode: "existing" | "create"): OpenFile;
  /** The contents; undefined when there is no such file. */
  read(path: string): Uint8Array | undefined;
  /** Names in a directory, sorted; none when there is no such directory. */
  list(directory: string): readonly string[];
  /** One that is there already is no error. */
  makeDirectory(path: string): void;
  rename(from: string, to: string): void;
  /** A file that is not there is no error. */
  remove(path: string): void;
  /** Makes created, renamed and removed names of a directory durable. */
  syncDirectory(directory: string): void;
  /**
   * Makes durable what stands in a file, or the names in a directory, without waiting for it; then
   * `done`, with the error of what failed. Whoever has none syncs at once.
   */
  readonly syncLater?: (path: string, done: (error: unknown) => void) => void;
}

export const nodeFiles: Files = {
  open: (path, mode) => new NodeFile(openSync(path, mode === "create" ? "w+" : "r+", 0o600)),
  read: (path) => ifThere(() => readFileSync(path)),
  list: (directory) => [...ifThere(() => readdirSync(directory)) ?? []].sort(),
  makeDirectory: (path) => void mkdirSync(path, { recursive: true, mode: 0o700 }),
  rename: renameSync,
  remove: (path) => rmSync(path, { force: true }),
  syncDirectory,
  syncLater,
};

/** A file that is open for reading alone. */
export interface ReadFile extends Pick<OpenFile, "size" | "read" | "close"> {
  /** Fills `bytes` from `position` on, and returns how many there were. */
  readInto(position: number, bytes: Uint8Array): number;
}

/** A file that is only read, and may be somebody else's. */
export function openToRead(path: string): ReadFile {
  return new NodeFile(openSync(path, "r"));
}

/** The `code` of an error of `node:fs`, such as "ENOSPC". */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** True for the codes of a full disk: the file system's, or what this user may have of it. */
export function isNoSpace(code: string | undefined): boolean {
  return code === "ENOSPC" || code === "EDQUOT";
}

/** An error in words, for a message to people. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Takes the last name of a file that may be large, with `unlink`: by its removal, or by another
 * file that takes its name. What it took is freed when its last descriptor is closed, which takes a
 * tenth of a second for each gigabyte, and is not done on the event loop. No database of this
 * process may be open on it.
 */
export function freeLater(path: string, unlink: () => void): void {
  const descriptor = ifThere(() => openSync(path, "r"));
  try {
    unlink();
  } finally {
    if (descriptor !== undefined) close(descriptor, () => {});
  }
}

/**
 * Replaces a file as one step that a crash cannot split: the new contents are written beside it and
 * synced, then the name is switched and the directory synced.
 */
export function replaceFile(files: Files, path: string, contents: Uint8Array): void {
  const beside = `${path}.new`;
  const file = files.open(beside, "create");
  try {
    file.write(contents, 0);
    file.sync();
  } finally {
    file.close();
  }
  files.rename(beside, path);
  files.syncDirectory(dirname(path));
}

/** What {@link replaceFileLater} is asked for. */
export interface LaterReplacement {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Asked once the new contents are on the disk; no: the file stays as it is. */
  readonly isWanted: () => boolean;
  readonly done: () => void;
  /** Instead of `done`: with an error, or with none where it was not wanted any more. */
  readonly dropped: (error?: unknown) => void;
}

/** As {@link replaceFile}, but the disk is waited for beside everything else. */
export function replaceFileLater(files: Files, replacement: LaterReplacement): void {
  const { path, bytes, isWanted, done, dropped } = replacement;
  // Not the name that replaceFile uses: it may be called meanwhile.
  const beside = `${path}.later`;
  const attempt = (step: () => void): void => {
    try {
      step();
    } catch (error) {
      dropped(error);
    }
  };
  const { syncLater } = files;
  if (syncLater === undefined) {
    return attempt(() => {
      replaceFile(files, path, bytes);
      done();
    });
  }
  const syncThen = (what: string, next: () => void): void =>
    syncLater(what, (error) => error === undefined ? attempt(next) : dropped(error));
  attempt(() => {
    const file = files.open(beside, "create");
    try {
      file.write(bytes, 0);
    } finally {
      file.close();
    }
    syncThen(beside, () => {
      if (!isWanted()) return dropped();
      files.rename(beside, path);
      syncThen(dirname(path), done);
    });
  });
}

/**
 * Makes durable what a process before this one has left in `names` of a directory. It may have been
 * killed between a write and its sync: then the next process reads what only the kernel's cache
 * holds, takes it for stored, tells others so, and a power cut takes it back.
 */
export function syncFound(files: Files, directory: string, names: readonly string[]): void {
  const found = files.list(directory).filter((name) => names.includes(name));
  if (found.length === 0) return;
  for (const name of found) {
    const file = files.open(join(directory, name), "existing");
    try {
      file.sync();
    } finally {
      file.close();
    }
  }
  files.syncDirectory(directory);
}

function ifThere<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function syncLater(path: string, done: (error: unknown) => void): void {
  open(path, "r", (error, descriptor) => {
    if (error !== null) return done(error);
    fsync(descriptor, (failed) => close(descriptor, () => done(failed ?? undefined)));
  });
}

class NodeFile implements OpenFile, ReadFile {
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  size(): number {
    return fstatSync(this.#descriptor).size;
  }

  read(position: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, this.readInto(position, bytes));
  }

  readInto(position: number, bytes: Uint8Array): number {
    const { length } = bytes;
    let done = 0;
    while (done < length) {
      const count = readSync(this.#descriptor, bytes, done, length - done, position + done);
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  write(bytes: Uint8Array, position: number): void {
    const part = (...to: [Uint8Array, number, number, number]) =>
      writeSync(this.#descriptor, ...to);
    writeWhole(part, bytes, position);
  }

  truncate(length: number): void {
    ftruncateSync(this.#descriptor, length);
  }

  sync(): void {
    fdatasyncSync(this.#descriptor);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
