/**
 * Files that are needed for a while: backups until nobody takes them any more, and what is to be
 * restored until it is. They lie beside the store, where there is as much room as it takes, or in
 * memory where the store is there as well.
 */

import { join } from "node:path";
import type { Runtime } from "../../runtime/mod.ts";
import { type Files, freeLater, nodeFiles, type OpenFile } from "../directory/files.ts";
import { ByteList } from "../memory/byte_list.ts";

/** A file of ours. */
export interface HeldFile extends Omit<OpenFile, "truncate" | "sync" | "close"> {
  /** Where it lies; undefined in memory. */
  readonly path: string | undefined;
  /** A part as the body of an answer. */
  body(part: { readonly start: number; readonly end: number }): BodyPart;
  /** Reads it on its own. Throws where it is removed. */
  reader(): HeldReader;
  /** Deletes it. Whoever has a reader or a body of it goes on. Idempotent. */
  remove(): void;
}

/** One who reads a file, for as long as it takes them. */
export interface HeldReader {
  /** Bytes from `position` on, fewer where the file ends. */
  read(position: number, bytesMax: number): Uint8Array;
  /** Idempotent. */
  close(): void;
}

/** What an answer's body may be. */
export type BodyPart = Blob | ReadableStream<Uint8Array<ArrayBuffer>>;

/** Where they are made. */
export interface HeldFiles {
  /** A new file that is empty. Throws what `node:fs` throws. */
  create(): HeldFile;
}

const nameEnd = ".held";
/** A held file may be a database: what SQLite leaves beside it would be taken for a part of it. */
const besideEnds = ["-wal", "-shm", "-journal"];

/** In a directory, which is made when it is needed. Those of an earlier process are deleted. */
export class HeldFilesInDirectory implements HeldFiles {
  readonly #directory: string;
  readonly #files: Files;
  readonly #bodyOf: Runtime["fileBody"];
  #count = 0;

  constructor({ directory, bodyOf, files = nodeFiles }: {
    readonly directory: string;
    readonly bodyOf: Runtime["fileBody"];
    readonly files?: Files;
  }) {
    this.#directory = directory;
    this.#files = files;
    this.#bodyOf = bodyOf;
    const ends = ["", ...besideEnds].map((end) => nameEnd + end);
    for (const name of files.list(directory)) {
      if (ends.some((end) => name.endsWith(end))) files.remove(join(directory, name));
    }
  }

  create(): HeldFile {
    this.#files.makeDirectory(this.#directory);
    const path = join(this.#directory, `${++this.#count}${nameEnd}`);
    for (const end of besideEnds) this.#files.remove(path + end);
    const file = this.#files.open(path, "create");
    let isThere = true;
    // The number of its descriptor may be that of another file by then.
    const there = (): OpenFile => {
      if (isThere) return file;
      throw new Error(`${path} is removed`);
    };
    return {
      path,
      size: () => there().size(),
      read: (position, length) => there().read(position, length),
      write: (bytes, position) => there().write(bytes, position),
      body: (part) => this.#bodyOf(path, part),
      reader: () => {
        there();
        return readerOf(this.#files.open(path, "existing"));
      },
      remove: () => {
        if (!isThere) return;
        isThere = false;
        freeLater(path, () => {
          file.close();
          this.#files.remove(path);
        });
        for (const end of besideEnds) this.#files.remove(path + end);
      },
    };
  }
}

function readerOf(file: OpenFile): HeldReader {
  let isOpen = true;
  return {
    read: (position, bytesMax) => file.read(position, bytesMax),
    close: () => {
      if (isOpen) file.close();
      isOpen = false;
    },
  };
}

/** For a store in memory. */
export class HeldFilesInMemory implements HeldFiles {
  create(): HeldFile {
    let held: ByteList | undefined = new ByteList();
    const there = (): ByteList => {
      if (held !== undefined) return held;
      throw new Error("The file in memory is removed");
    };
    return {
      path: undefined,
      size: () => there().length,
      read: (position, length) => there().slice(position, length),
      write: (piece, position) => {
        const bytes = there();
        if (position !== bytes.length) throw new Error(`Written at ${position}, not at the end`);
        bytes.append(piece.slice());
      },
      body: ({ start, end }) => new Blob([new Uint8Array(there().slice(start, end - start))]),
      reader: () => {
        const bytes = there();
        return { read: (position, bytesMax) => bytes.slice(position, bytesMax), close: () => {} };
      },
      remove: () => held = undefined,
    };
  }
}
