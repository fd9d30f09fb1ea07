/** A finished image of kv.db: a file that is read in pieces, off the event loop. */

import { close, openSync, read } from "node:fs";
import { emptyBytes } from "../../lib/bytes.ts";
import { FatalStorageError, type SnapshotImage } from "../../node/ports.ts";
import type { SnapshotMeta } from "../../raft/types.ts";
import { errorText } from "../directory/files.ts";

/** Who is told what becomes of the file. */
export interface ImageFileOptions {
  /** A file that cannot be read is on a disk that the store is on, too. */
  readonly onFatal: (error: FatalStorageError) => void;
  /** Nobody will read it any more. */
  readonly onRelease: () => void;
}

/** The file goes when it is released. */
export class ImageFile implements SnapshotImage {
  readonly meta: SnapshotMeta;
  readonly #path: string;
  readonly #options: ImageFileOptions;
  /** Open from the beginning, so that a read that has begun comes to its end after a release. */
  #descriptor: number | undefined;
  #reads = 0;
  #isReleased = false;

  constructor(path: string, meta: SnapshotMeta, options: ImageFileOptions) {
    this.#path = path;
    this.meta = meta;
    this.#options = options;
    this.#descriptor = openSync(path, "r");
  }

  read(
    { offset, bytesMax }: { readonly offset: number; readonly bytesMax: number },
    done: (chunk: Uint8Array) => void,
  ): void {
    const length = Math.max(0, Math.min(bytesMax, this.meta.bytes - offset));
    if (this.#descriptor === undefined) return done(emptyBytes);
    this.#reads++;
    this.#fill(this.#descriptor, { chunk: new Uint8Array(length), offset, at: 0 }, (chunk) => {
      this.#reads--;
      this.#closeIfOver();
      done(chunk);
    });
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#options.onRelease();
    this.#closeIfOver();
  }

  #fill(
    descriptor: number,
    part: { readonly chunk: Uint8Array; readonly offset: number; readonly at: number },
    done: (chunk: Uint8Array) => void,
  ): void {
    const { chunk, offset, at } = part;
    if (at === chunk.length) return done(chunk);
    read(descriptor, chunk, at, chunk.length - at, offset + at, (error, count) => {
      if (error !== null) return this.#failed(error);
      if (count === 0) return this.#failed(`it ends at byte ${offset + at}`);
      this.#fill(descriptor, { chunk, offset, at: at + count }, done);
    });
  }

  #failed(cause: unknown): void {
    const why = typeof cause === "string" ? cause : errorText(cause);
    this.#options.onFatal(new FatalStorageError(`${this.#path} could not be read: ${why}`));
  }

  #closeIfOver(): void {
    if (!this.#isReleased || this.#reads > 0 || this.#descriptor === undefined) return;
    close(this.#descriptor, () => {});
    this.#descriptor = undefined;
  }
}
