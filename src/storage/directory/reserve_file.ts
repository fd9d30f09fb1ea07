/**
 * The file `reserve`: room that is taken while there is plenty and given back when the disk runs
 * full, so that deletes and compaction, the ways out, still fit.
 */

import { dirname } from "node:path";
import { FatalStorageError } from "../../node/ports.ts";
import { errorCode, errorText, type Files, isNoSpace } from "./files.ts";

export const reserveBytesDefault: number = 32 * 1024 * 1024;
/** One write of the filling; also the most that getRandomValues gives at a time. */
const chunkBytes = 65_536;

/** Where the reserve stands, how large it is, and how full the disk. */
export interface ReserveOptions {
  readonly files: Files;
  readonly path: string;
  /** Size of the file. */
  readonly reserveBytes: number;
  /** Free bytes of the file system, without the reserve. */
  readonly freeBytes: () => number;
}

/** The reserve of one data directory, held or given away. */
export class ReserveFile {
  readonly #options: ReserveOptions;
  #isHeld: boolean;

  constructor(options: ReserveOptions) {
    this.#options = options;
    // A shorter file was being filled when the process ended; `poll` fills it anew.
    this.#isHeld = sizeOf(options.files, options.path) >= options.reserveBytes;
  }

  /** False while the room has been given away. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /**
   * Looks at the disk: gives the reserve away when less than its own size is free, and takes it
   * back once four times as much is. Returns the free bytes for everybody else: while the reserve
   * is given away, its size is owed and does not count, so that its release alone does not make
   * the disk look healthy again.
   */
  poll(): number {
    const { reserveBytes } = this.#options;
    let free = this.#options.freeBytes();
    if (this.#isHeld && free < reserveBytes) {
      this.#release();
      free = this.#options.freeBytes();
    } else if (!this.#isHeld && free >= 4 * reserveBytes) {
      this.#fill();
      free = this.#options.freeBytes();
    }
    return this.#isHeld ? free : Math.max(0, free - reserveBytes);
  }

  #release(): void {
    this.#options.files.remove(this.#options.path);
    this.#isHeld = false;
  }

  /** Random bytes, because a file system that compresses would keep no room for zeros. */
  #fill(): void {
    const { files, path, reserveBytes } = this.#options;
    try {
      const file = files.open(path, "create");
      try {
        const chunk = new Uint8Array(chunkBytes);
        for (let at = 0; at < reserveBytes; at += chunkBytes) {
          crypto.getRandomValues(chunk);
          file.write(chunk.subarray(0, Math.min(chunkBytes, reserveBytes - at)), at);
        }
        file.sync();
      } finally {
        file.close();
      }
      files.syncDirectory(dirname(path));
      this.#isHeld = true;
    } catch (cause) {
      if (!isNoSpace(errorCode(cause))) {
        const message = `${path} could not be written: ${errorText(cause)}`;
        throw new FatalStorageError(message, { cause });
      }
      files.remove(path);
    }
  }
}

function sizeOf(files: Files, path: string): number {
  try {
    const file = files.open(path, "existing");
    try {
      return file.size();
    } finally {
      file.close();
    }
  } catch (error) {
    if (errorCode(error) === "ENOENT") return 0;
    throw error;
  }
}
