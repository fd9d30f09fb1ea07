/**
 * Backups in a directory of a person's: under names that tell what they are. It may be on another
 * machine that does not answer, and nothing here waits for it on the event loop.
 */

import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { equalBytes } from "../../lib/bytes.ts";
import { errorCode } from "../directory/files.ts";
import type { HeldReader } from "./held_files.ts";

/** What is written or copied at once. */
const pieceBytes = 1024 * 1024;
const nameEnd = ".skein";
/** Clocks differ; by more than this, one of them was wrong, ms. */
export const aheadMsMax = 60_000;

/** The bytes of a backup. */
export interface BackupBytes {
  readonly bytes: number;
  /** Of all of them. */
  readonly sha256: Uint8Array;
  reader(): HeldReader;
}

/** Which backup, and of when, ms of the wall clock. */
export interface NamedBackup {
  readonly revision: number;
  readonly createdMs: number;
}

/** What lies there. */
export interface FoundBackups {
  /** When the newest one was made; undefined where there is none. */
  readonly newestMs: number | undefined;
  /** Names from the future, made while a clock was wrong: they tell nothing. */
  readonly ahead: readonly string[];
}

/** Where the store lies, and how many bytes have to stay free there. */
export interface StoreDisk {
  readonly path: string;
  readonly leaveBytes: number;
}

/** With the backup on it the disk of the store would have less room than it has to leave. */
export class NoRoomError extends Error {
  override readonly name = "NoRoomError";
}

/** Those of one cluster. Every method rejects with what `node:fs` throws. */
export class BackupDirectory {
  readonly #path: string;
  readonly #pattern: RegExp;
  readonly #clusterId: string;
  readonly #store: StoreDisk;

  constructor(path: string, clusterId: string, store: StoreDisk) {
    this.#path = path;
    this.#clusterId = clusterId;
    this.#store = store;
    // What a cluster may be called has no letter that means something in a pattern but the dot.
    const name = clusterId.replaceAll(".", "\\.");
    this.#pattern = new RegExp(`^${name}-(\\d{8}T\\d{6}Z)-r(\\d{1,16})\\.skein(\\.part)?$`);
  }

  /** `nowMs`: the wall clock. */
  async find(nowMs: number): Promise<FoundBackups> {
    const names = await this.#names();
    const past = names.filter((name) => this.#msOf(name) <= nowMs + aheadMsMax);
    const newest = past.at(-1);
    return {
      newestMs: newest === undefined ? undefined : this.#msOf(newest),
      ahead: names.slice(past.length),
    };
  }

  /**
   * Writes one beside the others; it is there under its name as a whole, and durable, or not at
   * all. `rest` lets others go first, after each piece. Resolves with its path; rejects with
   * {@link NoRoomError} before anything is written.
   */
  async add(
    named: NamedBackup,
    backup: BackupBytes,
    rest: () => Promise<void>,
  ): Promise<string> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 });
    await this.#removeParts();
    await this.#requireRoom(backup.bytes);
    const stamp = stampOf(named.createdMs);
    const path = join(this.#path, `${this.#clusterId}-${stamp}-r${named.revision}${nameEnd}`);
    const beside = `${path}.part`;
    const file = await open(beside, "w", 0o600);
    try {
      await copy(backup, file, rest);
      await file.sync();
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    await rename(beside, path);
    await syncDirectory(this.#path);
    return path;
  }

  /**
   * Deletes all but the newest so many, and nothing that has another name or is of the future.
   * Resolves with the names of those that are gone.
   */
  async retain(keep: number, nowMs: number): Promise<readonly string[]> {
    const names = await this.#names();
    const past = names.filter((name) => this.#msOf(name) <= nowMs + aheadMsMax);
    const surplus = past.slice(0, -keep);
    for (const name of surplus) await rm(join(this.#path, name), { force: true });
    return surplus;
  }

  /** A backup must not be what ends the writes: a full disk of its own holds up nothing else. */
  async #requireRoom(bytes: number): Promise<void> {
    const { path, leaveBytes } = this.#store;
    if (await diskOf(this.#path) !== await diskOf(path)) return;
    const { bavail, bsize } = await statfs(this.#path);
    const freeBytes = bavail * bsize;
    if (freeBytes - bytes >= leaveBytes) return;
    throw new NoRoomError(
      `${freeBytes} bytes are free in ${this.#path}, on the disk of the data directory; beside ` +
        `a backup of ${bytes} bytes storage.space_low_bytes, ${leaveBytes}, have to stay free`,
    );
  }

  /** Left over where a process ended. */
  async #removeParts(): Promise<void> {
    for (const name of await namesIn(this.#path)) {
      if (this.#pattern.exec(name)?.[3] === undefined) continue;
      await rm(join(this.#path, name), { force: true });
    }
  }

  /** The newest last: their names sort as their times do. */
  async #names(): Promise<readonly string[]> {
    const names = await namesIn(this.#path);
    return names.filter((name) => {
      return this.#pattern.exec(name)?.[3] === undefined && !Number.isNaN(this.#msOf(name));
    });
  }

  /** NaN where it is no name of a backup. */
  #msOf(name: string): number {
    return timeOf(this.#pattern.exec(name)?.[1] ?? "") ?? NaN;
  }
}

/** Throws where what comes is not what was announced: a short file is worse than none. */
async function copy(
  backup: BackupBytes,
  file: FileHandle,
  rest: () => Promise<void>,
): Promise<void> {
  const hash = createHash("sha256");
  const reader = backup.reader();
  try {
    for (let at = 0; at < backup.bytes;) {
      const piece = reader.read(at, pieceBytes);
      if (piece.length === 0) throw new Error(`The backup ends at byte ${at} of ${backup.bytes}`);
      hash.update(piece);
      await writeAll(file, piece, at);
      at += piece.length;
      await rest();
    }
  } finally {
    reader.close();
  }
  if (equalBytes(new Uint8Array(hash.digest()), backup.sha256)) return;
  throw new Error("What was copied is not the backup: its SHA-256 is another one");
}

/** What {@link writeAll} needs of a FileHandle. */
export interface PartlyWritten {
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
}

/** Exported for its tests. One call may write less than it was given. */
export async function writeAll(
  file: PartlyWritten,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const left = bytes.length - done;
    const { bytesWritten } = await file.write(bytes, done, left, position + done);
    if (bytesWritten === 0) throw new Error(`Nothing was written at byte ${position + done}`);
    done += bytesWritten;
  }
}

/** `path` itself, or where it is a directory, the backup in it that was made last. */
export async function backupIn(path: string): Promise<string | undefined> {
  if (!(await stat(path)).isDirectory()) return path;
  const names = (await namesIn(path)).filter((name) => name.endsWith(nameEnd));
  const found = await Promise.all(names.map(async (name) => {
    const whole = join(path, name);
    const stamp = /-(\d{8}T\d{6}Z)-r\d+\.skein$/.exec(name)?.[1];
    const named = stamp === undefined ? undefined : timeOf(stamp);
    return { path: whole, ms: named ?? (await stat(whole)).mtimeMs };
  }));
  return found.sort((a, b) => a.ms - b.ms).at(-1)?.path;
}

/** Sorted; none where there is no such directory. */
async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** Undefined where there is nothing. */
async function diskOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).dev;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function stampOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z").replaceAll(/[-:]/g, "");
}

function timeOf(stamp: string): number | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp);
  if (parts === null) return undefined;
  const [, year, month, day, hours, minutes, seconds] = parts;
  const ms = Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}
