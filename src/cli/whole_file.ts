/** A file that is there under its name as a whole, and durable, or not at all. */

import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { writeWhole } from "../lib/write_whole.ts";

/** What it asks of the disk: `node:fs`, but for its tests. */
export interface FileCalls {
  readonly open: (path: string, flags: "w" | "r", mode?: number) => number;
  readonly write: (
    descriptor: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ) => number;
  readonly truncate: (descriptor: number) => void;
  readonly sync: (descriptor: number) => void;
  readonly close: (descriptor: number) => void;
  readonly rename: (from: string, to: string) => void;
  readonly remove: (path: string) => void;
}

const nodeCalls: FileCalls = {
  open: openSync,
  write: (descriptor, bytes, offset, length, position) =>
    writeSync(descriptor, bytes, offset, length, position),
  truncate: (descriptor) => ftruncateSync(descriptor, 0),
  sync: fsyncSync,
  close: closeSync,
  rename: renameSync,
  remove: (path) => rmSync(path, { force: true }),
};

/** Written beside the file of that name, which stays until {@link finish}. Throws as `node:fs`. */
export class WholeFile {
  readonly #calls: FileCalls;
  readonly #path: string;
  readonly #beside: string;
  readonly #descriptor: number;
  #bytes = 0;

  constructor(path: string, calls = nodeCalls) {
    this.#calls = calls;
    this.#path = path;
    this.#beside = `${path}.part`;
    this.#descriptor = calls.open(this.#beside, "w", 0o600);
  }

  /** How many were written. */
  get bytes(): number {
    return this.#bytes;
  }

  append(bytes: Uint8Array): void {
    const { write } = this.#calls;
    const part = (...to: [Uint8Array, number, number, number]) => write(this.#descriptor, ...to);
    writeWhole(part, bytes, this.#bytes);
    this.#bytes += bytes.length;
  }

  /** Begins anew. */
  clear(): void {
    this.#calls.truncate(this.#descriptor);
    this.#bytes = 0;
  }

  /** It is what was wanted: takes the place of what has its name. */
  finish(): void {
    const { sync, rename, open, close } = this.#calls;
    sync(this.#descriptor);
    rename(this.#beside, this.#path);
    const directory = open(dirname(this.#path), "r");
    try {
      sync(directory);
    } finally {
      close(directory);
    }
  }

  /** To be called in any case; leaves nothing of what was not finished. */
  close(): void {
    this.#calls.close(this.#descriptor);
    this.#calls.remove(this.#beside);
  }
}
