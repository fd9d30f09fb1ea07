/** The files of a log directory: segments by number, and meta. */

import { basename, join } from "node:path";
import { FatalStorageError } from "../../node/ports.ts";
import {
  errorText,
  type Files,
  type OpenFile,
  replaceFile,
  syncFound,
} from "../directory/files.ts";
import { decodeMeta, encodeMeta, encodeSegmentHead, frameAt } from "./frame.ts";
import type { MetaRecord, SegmentHead } from "./frame.ts";

/** An open segment. */
export interface Segment {
  readonly head: SegmentHead;
  readonly file: OpenFile;
  /** A write in it replaced the whole log: all segments before it are dead. */
  holdsSnapshot: boolean;
  /** Behind the last whole frame. */
  end: number;
}

const metaName = "meta";
const suffix = ".seg";

/** The log directory, by the meaning of its names. */
export class SegmentFiles {
  readonly #files: Files;
  readonly #directory: string;

  constructor(files: Files, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  get directory(): string {
    return this.#directory;
  }

  path(number: number): string {
    return join(this.#directory, `${String(number).padStart(8, "0")}${suffix}`);
  }

  /** The numbers of all segments, ascending. */
  numbers(): readonly number[] {
    const names = this.#files.list(this.#directory);
    const numbers = names.filter((name) => /^\d{8,}\.seg$/.test(name)).map(Number.parseFloat);
    return numbers.sort((a, b) => a - b);
  }

  contents(number: number): Uint8Array {
    return this.#files.read(this.path(number)) ?? new Uint8Array(0);
  }

  open(number: number): OpenFile {
    return this.#files.open(this.path(number), "existing");
  }

  /** A new segment, durable in name and head before anything is written to it. */
  create(head: SegmentHead): Segment {
    const file = this.#files.open(this.path(head.number), "create");
    const frame = encodeSegmentHead(head);
    try {
      file.write(frame, 0);
      file.sync();
      this.#files.syncDirectory(this.#directory);
    } catch (error) {
      file.close();
      throw error;
    }
    return { head, file, holdsSnapshot: false, end: frame.length };
  }

  remove(number: number): void {
    this.#files.remove(this.path(number));
  }

  syncDirectory(): void {
    this.#files.syncDirectory(this.#directory);
  }

  /** To be called before anything is read: a process that was killed may have left it unsynced. */
  syncFound(): void {
    // Nobody begins a segment before the one before it is synced.
    const newest = this.numbers().slice(-1).map((number) => basename(this.path(number)));
    syncFound(this.#files, this.#directory, [...newest, metaName]);
  }

  /** "missing" and "damaged" differ: a log without a meta file may just be being born. */
  readMeta(): MetaRecord | "missing" | "damaged" {
    const bytes = this.#files.read(join(this.#directory, metaName));
    if (bytes === undefined) return "missing";
    const frame = frameAt(bytes, 0, 0);
    return frame === undefined || frame.end !== bytes.length
      ? "damaged"
      : decodeMeta(frame.payload);
  }

  writeMeta(meta: MetaRecord): void {
    replaceFile(this.#files, join(this.#directory, metaName), encodeMeta(meta));
  }

  failed(what: string, cause: unknown): FatalStorageError {
    if (cause instanceof FatalStorageError) return cause;
    const message = `${this.#directory} could not be ${what}: ${errorText(cause)}`;
    return new FatalStorageError(message, { cause });
  }
}
