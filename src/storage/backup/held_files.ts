/**
 * Files that are needed for a while: backups until nobody takes them any more, and what is to be
 * restored until it is. They lie beside the store, where there is as much room as it takes, or in
 * memory where the store is there as well.
 */

import { join } from "node:path";
import type { Runtime } from "../../runtime/mod.ts";
import { type Files, nodeFiles, type OpenFile } from "../directory/files.ts";
import { ByteList } from "../memory/byte_list.ts";

/** A file of ours. */
export interface HeldFile extends Omit<OpenFile, "truncate" | "sync"> {
  /** Where it lies; undefined in memory. */
  readonly path: string | undefined;
  /** A part as the body of an answer. */
  body(part: { readonly start: number; readonly end: number }): BodyPart;
  /** Closes and deletes it. Whoever reads a body of it goes on. Idempotent. */
  remove(): void;
}

/** What an answer's body may be. */
export type BodyPart = Blob | ReadableStream<Uint8Array<ArrayBuffer>>;

/** Where they are made. */
export interface HeldFiles {
  /** A new file that is empty. Throws what `node:fs` throws. */
  create(): HeldFile;
}

const nameEnd = ".held";

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
    for (const name of files.list(directory)) {
      if (name.endsWith(nameEnd)) files.remove(join(directory, name));
    }
  }

  create(): HeldFile {
    this.#files.makeDirectory(this.#directory);
    const path = join(this.#directory, `${++this.#count}${nameEnd}`);
    const file = this.#files.open(path, "create");
    let isThere = true;
    return {
      path,
      size: () => file.size(),
      read: (position, length) => file.read(position, length),
      write: (bytes, position) => file.write(bytes, position),
      close: () => file.close(),
      body: (part) => this.#bodyOf(path, part),
      remove: () => {
        if (!isThere) return;
        isThere = false;
        file.close();
        this.#files.remove(path);
      },
    };
  }
}

/** For a store in memory. */
export class HeldFilesInMemory implements HeldFiles {
  create(): HeldFile {
    let bytes = new ByteList();
    return {
      path: undefined,
      size: () => bytes.length,
      read: (position, length) => bytes.slice(position, length),
      write: (piece, position) => {
        if (position !== bytes.length) throw new Error(`Written at ${position}, not at the end`);
        bytes.append(piece.slice());
      },
      close: () => {},
      body: ({ start, end }) => new Blob([new Uint8Array(bytes.slice(start, end - start))]),
      remove: () => {
        bytes = new ByteList();
      },
    };
  }
}
