/** Backups in a directory of a person's: under names that tell what they are. */

import { closeSync, fsync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { nodeFiles } from "../directory/files.ts";

/** What is written or copied at once. */
const pieceBytes = 1024 * 1024;
const nameEnd = ".skein";

/** The bytes of a backup. */
export interface BackupBytes {
  readonly bytes: number;
  read(position: number, bytesMax: number): Uint8Array;
}

/** Which backup, and of when, ms of the wall clock. */
export interface NamedBackup {
  readonly revision: number;
  readonly createdMs: number;
}

/** Those of one cluster. Every method throws what `node:fs` throws. */
export class BackupDirectory {
  readonly #path: string;
  readonly #pattern: RegExp;
  readonly #clusterId: string;

  constructor(path: string, clusterId: string) {
    this.#path = path;
    this.#clusterId = clusterId;
    // What a cluster may be called has no letter that means something in a pattern but the dot.
    const name = clusterId.replaceAll(".", "\\.");
    this.#pattern = new RegExp(`^${name}-(\\d{8}T\\d{6}Z)-r(\\d{1,16})\\.skein(\\.part)?$`);
  }

  /** When the newest one was made; undefined where there is none. */
  newestMs(): number | undefined {
    const newest = this.#names().at(-1);
    return newest === undefined ? undefined : timeOf(this.#pattern.exec(newest)?.[1] ?? "");
  }

  /**
   * Writes one beside the others; it is there under its name as a whole, and durable, or not at
   * all. `rest` lets others go first, after each piece. Resolves with its path.
   */
  async add(
    named: NamedBackup,
    backup: BackupBytes,
    rest: () => Promise<void>,
  ): Promise<string> {
    nodeFiles.makeDirectory(this.#path);
    this.#removeParts();
    const stamp = stampOf(named.createdMs);
    const path = join(this.#path, `${this.#clusterId}-${stamp}-r${named.revision}${nameEnd}`);
    const beside = `${path}.part`;
    const descriptor = openSync(beside, "w", 0o600);
    try {
      for (let at = 0; at < backup.bytes;) {
        const piece = backup.read(at, pieceBytes);
        writeSync(descriptor, piece, 0, piece.length, at);
        at += piece.length;
        await rest();
      }
      // Off the event loop: it takes as long as the disk does for all of it.
      await new Promise<void>((resolve, reject) =>
        fsync(descriptor, (error) => error === null ? resolve() : reject(error))
      );
    } catch (error) {
      nodeFiles.remove(beside);
      throw error;
    } finally {
      closeSync(descriptor);
    }
    nodeFiles.rename(beside, path);
    nodeFiles.syncDirectory(this.#path);
    return path;
  }

  /** Deletes all but the newest so many, and nothing that has another name. */
  retain(keep: number): readonly string[] {
    const surplus = this.#names().slice(0, -keep);
    for (const name of surplus) nodeFiles.remove(join(this.#path, name));
    return surplus;
  }

  /** Left over where a process ended. */
  #removeParts(): void {
    for (const name of nodeFiles.list(this.#path)) {
      if (this.#pattern.exec(name)?.[3] !== undefined) nodeFiles.remove(join(this.#path, name));
    }
  }

  /** The newest last: their names sort as their times do. */
  #names(): readonly string[] {
    return nodeFiles.list(this.#path).filter((name) => {
      const match = this.#pattern.exec(name);
      return match !== null && match[3] === undefined && timeOf(match[1] ?? "") !== undefined;
    });
  }
}

/** `path` itself, or where it is a directory, the backup in it that was made last. */
export function backupIn(path: string): string | undefined {
  if (!statSync(path).isDirectory()) return path;
  const found = nodeFiles.list(path).filter((name) => name.endsWith(nameEnd)).map((name) => {
    const whole = join(path, name);
    const stamp = /-(\d{8}T\d{6}Z)-r\d+\.skein$/.exec(name)?.[1];
    const named = stamp === undefined ? undefined : timeOf(stamp);
    return { path: whole, ms: named ?? statSync(whole).mtimeMs };
  });
  return found.sort((a, b) => a.ms - b.ms).at(-1)?.path;
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
