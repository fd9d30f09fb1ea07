/** Files that say before each operation that it comes, that run full, and that break. */

import type { Files, OpenFile } from "../../src/storage/directory/files.ts";

export interface FilesHooks {
  /**
   * Called before each operation that changes something, and in the middle of every write. What it
   * throws is the error of that operation.
   */
  readonly operation: (name: keyof Files | keyof OpenFile) => void;
  /** While true, a segment takes half of a write and then says ENOSPC. */
  readonly isFull: () => boolean;
}

/** Passes everything on; reading changes nothing, so it is no operation. */
export function hookedFiles(files: Files, hooks: FilesHooks): Files {
  const { operation } = hooks;
  return {
    open: (path, mode) => {
      operation("open");
      return hookedFile(files.open(path, mode), {
        operation,
        isFull: () => path.endsWith(".seg") && hooks.isFull(),
      });
    },
    read: (path) => files.read(path),
    list: (path) => files.list(path),
    makeDirectory: (path) => {
      operation("makeDirectory");
      files.makeDirectory(path);
    },
    rename: (from, to) => {
      operation("rename");
      files.rename(from, to);
    },
    remove: (path) => {
      operation("remove");
      files.remove(path);
    },
    syncDirectory: (path) => {
      operation("syncDirectory");
      files.syncDirectory(path);
    },
  };
}

function hookedFile(file: OpenFile, { operation, isFull }: FilesHooks): OpenFile {
  return {
    size: () => file.size(),
    read: (position, length) => file.read(position, length),
    write: (bytes, position) => {
      operation("write");
      // What ends here leaves half of it.
      const half = Math.floor(bytes.length / 2);
      file.write(bytes.subarray(0, half), position);
      operation("write");
      if (isFull()) throw Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC" });
      file.write(bytes.subarray(half), position + half);
    },
    truncate: (length) => {
      operation("truncate");
      file.truncate(length);
    },
    sync: () => {
      operation("sync");
      file.sync();
    },
    close: () => file.close(),
  };
}
