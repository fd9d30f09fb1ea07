/** The second half of an adoption: a decided image takes the place of kv.db. */

import { dirname, join } from "node:path";
import { FatalStorageError } from "../../node/ports.ts";
import { errorText, freeLater } from "../directory/files.ts";
import type { KvImageFolder } from "./kv_image_folder.ts";

/** Where it lies. */
export type AdoptionFiles = Pick<KvImageFolder["options"], "directory" | "files">;

/** The name under which an image waits that was decided for. */
export function adoptedPath(directory: string): string {
  return join(directory, "adopted");
}

/**
 * Where an image was adopted, and the process ended before it had taken the place of the store at
 * `path`: does the rest of it. No connection to the store may be open. Throws FatalStorageError.
 */
export function completeAdoption(path: string, { files, directory }: AdoptionFiles): void {
  try {
    if (!files.list(directory).includes("adopted")) return;
    // The decision may have been made by a process that did not come to sync it.
    files.syncDirectory(directory);
    for (const suffix of ["-wal", "-shm", "-journal"]) files.remove(`${path}${suffix}`);
    files.syncDirectory(dirname(path));
    freeLater(path, () => files.rename(adoptedPath(directory), path));
    files.syncDirectory(dirname(path));
    files.syncDirectory(directory);
  } catch (error) {
    const text = `${path} could not be replaced by the image in ${directory}: ${errorText(error)}`;
    throw new FatalStorageError(text, { cause: error });
  }
}
