/**
 * Whose database a file is, by its first bytes alone: SQLite writes into a file that it opens in
 * WAL mode, and another program's must stay as it is.
 */

import { strictText } from "../lib/bytes.ts";
import { errorCode, type Files } from "./directory/files.ts";

const magic = "SQLite format 3\0";
const headerBytes = 100;
/** Offsets in the header (SQLite, "Database File Format", §1.3). */
const pageSizeAt = 16;
const applicationIdAt = 68;

/**
 * `usable`: not there, empty, or made with this application id. `foreign`: another program's.
 * `junk`: no database at all, or one cut short.
 */
export type DatabaseFile = "usable" | "foreign" | "junk";

/** Looks at a file that nobody in this process has open. Throws the errors of `node:fs`. */
export function databaseFile(files: Files, path: string, applicationId: number): DatabaseFile {
  const found = headerOf(files, path);
  if (found === undefined || found.size === 0) return "usable";
  const { header, size } = found;
  if (strictText(header.subarray(0, magic.length)) !== magic || header.length < headerBytes) {
    // A crash in the first transaction of all: SQLite takes back what is there of it.
    return isThere(files, `${path}-journal`) ? "usable" : "junk";
  }
  const words = new DataView(header.buffer, header.byteOffset, header.length);
  const id = words.getUint32(applicationIdAt);
  if (id === applicationId) return "usable";
  // The first page is written before its id, which stays in the WAL until a checkpoint.
  const isFresh = id === 0 &&
    (size <= words.getUint16(pageSizeAt) || isThere(files, `${path}-wal`));
  return isFresh ? "usable" : "foreign";
}

function isThere(files: Files, path: string): boolean {
  return (headerOf(files, path)?.size ?? 0) > 0;
}

function headerOf(
  files: Files,
  path: string,
): { readonly header: Uint8Array; readonly size: number } | undefined {
  try {
    const file = files.open(path, "existing");
    try {
      return { header: file.read(0, headerBytes), size: file.size() };
    } finally {
      file.close();
    }
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
