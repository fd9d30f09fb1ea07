/**
 * The folder of images beside kv.db, `snapshots/`:
 *
 *     image-N      one that was made, or is being made; left over where a process ended: deleted
 *     stage.meta   of the image that is received: u32 CRC-32C, then the meta (snapshot_meta.ts)
 *     stage.part   what has come of it
 *     stage        all of it, found to be what the meta says
 *     adopted      the decision: at the next start, if not at once, it takes the place of kv.db
 */

import { dirname, join } from "node:path";
import { type Clock, FatalStorageError, type SnapshotImage } from "../../node/ports.ts";
import type { SnapshotMeta } from "../../raft/types.ts";
import { errorText, type Files } from "../directory/files.ts";
import type { ImageWork } from "../image_work.ts";
import { ImageFile } from "./image_file.ts";

/** Where images lie, and who does the work on them. */
export interface KvImageOptions {
  /** The folder; made when it is needed. */
  readonly directory: string;
  readonly files: Files;
  readonly clock: Pick<Clock, "every">;
  readonly work: ImageWork;
  /** What the disk of the folder has left. */
  readonly freeBytes: () => number;
  /** So much of it an image leaves to everybody else. */
  readonly spaceLowBytes: number;
  /** What is wrong with an image, made or received, in one line. */
  readonly onProblem: (what: string) => void;
  /** Storage failed outside a call; the process ends with this error. */
  readonly onFatal: (error: FatalStorageError) => void;
}

const imagePrefix = "image-";

/** Names and numbers for all that is done in it. */
export class KvImageFolder {
  readonly options: KvImageOptions;
  readonly #images = new Set<ImageFile>();
  #passes = 0;

  constructor(options: KvImageOptions) {
    this.options = options;
  }

  /** What another process has made is of no use: nobody knows of it. */
  removeLeftImages(): void {
    const { files, directory } = this.options;
    const left = files.list(directory).filter((name) => name.startsWith(imagePrefix));
    for (const name of left) files.remove(join(directory, name));
  }

  /** The path of a new image; the folder is there then. */
  newImage(): string {
    this.make();
    return join(this.options.directory, `${imagePrefix}${this.newPass()}`);
  }

  newPass(): number {
    return ++this.#passes;
  }

  /** Durable on return. */
  make(): void {
    const { files, directory } = this.options;
    files.makeDirectory(directory);
    files.syncDirectory(dirname(directory));
  }

  /** A finished image; it goes with the process, if nobody releases it before. */
  finished(path: string, meta: SnapshotMeta): SnapshotImage {
    const { files, onFatal } = this.options;
    const image = new ImageFile(path, meta, {
      onFatal,
      onRelease: () => {
        this.#images.delete(image);
        files.remove(path);
      },
    });
    this.#images.add(image);
    return image;
  }

  releaseAll(): void {
    for (const image of [...this.#images]) image.release();
  }

  /** Why `bytes` more would not leave enough to everybody else; undefined where they do. */
  shortage(bytes: number): string | undefined {
    const { freeBytes, spaceLowBytes } = this.options;
    const free = freeBytes();
    if (free >= bytes + spaceLowBytes) return undefined;
    return `${free} bytes are free, ${bytes} are still to come, and storage.space_low_bytes is ` +
      `${spaceLowBytes}`;
  }

  problem(what: string): void {
    this.options.onProblem(what);
  }

  /** For what is called by a timer or a worker. */
  guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.options.onFatal(folderError(this.options.directory, error));
    }
  }
}

/** The one line with which the process ends over an error in the folder. */
export function folderError(directory: string, cause: unknown): FatalStorageError {
  if (cause instanceof FatalStorageError) return cause;
  const text = errorText(cause);
  return new FatalStorageError(`The image in ${directory} could not be handled: ${text}`, {
    cause,
  });
}
