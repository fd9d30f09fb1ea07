/**
 * A small file of the data directory that is read as a whole, and replaced as a whole: identity and
 * candidacy are such. What was read, or written, no power cut takes back.
 */

import { dirname } from "node:path";
import { DiskFullError, FatalStorageError } from "../../node/ports.ts";
import {
  errorCode,
  errorText,
  type Files,
  isNoSpace,
  type LaterReplacement,
  replaceFile,
  replaceFileLater,
} from "./files.ts";

/** The data directory cannot be used as it is; the message says what and where, for a person. */
export class DataDirectoryError extends Error {
  override readonly name = "DataDirectoryError";
}

/** Undefined when there is none. Throws {@link DataDirectoryError}. */
export function readKept(files: Files, path: string): Uint8Array | undefined {
  try {
    const bytes = files.read(path);
    // A process that was killed before this may have renamed it into its place, and no more.
    if (bytes !== undefined) files.syncDirectory(dirname(path));
    return bytes;
  } catch (error) {
    throw new DataDirectoryError(`${path} could not be read: ${errorText(error)}`);
  }
}

/** Synced, name and contents. Throws {@link DiskFullError}, {@link FatalStorageError}. */
export function replaceKept(files: Files, path: string, bytes: Uint8Array): void {
  try {
    replaceFile(files, path, bytes);
  } catch (cause) {
    throw replacingError(path, cause);
  }
}

/** As {@link replaceKept}, in the manner of {@link replaceFileLater}. */
export function replaceKeptLater(files: Files, replacement: LaterReplacement): void {
  const { path, dropped } = replacement;
  replaceFileLater(files, {
    ...replacement,
    dropped: (error) => dropped(error === undefined ? undefined : replacingError(path, error)),
  });
}

function replacingError(path: string, cause: unknown): DiskFullError | FatalStorageError {
  const message = `${path} could not be written: ${errorText(cause)}`;
  // Only the file beside it was touched.
  return isNoSpace(errorCode(cause))
    ? new DiskFullError(message, { cause })
    : new FatalStorageError(message, { cause });
}
