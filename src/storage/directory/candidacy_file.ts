/**
 * incarnation: under which one a directory that is no member yet asks a cluster to take it in
 * (node/ports.ts). The file is there from before the first question until identity.json says it:
 * sixteen lower-case hexadecimal digits and a newline, nothing else.
 */

import { lossyText, utf8 } from "../../lib/bytes.ts";
import { type CandidacyStore, FatalStorageError } from "../../node/ports.ts";
import { errorText, type Files } from "./files.ts";
import { DataDirectoryError, readKept, replaceKept } from "./kept_file.ts";

export const candidacyFileName = "incarnation";

/** The CandidacyStore on that file. */
export class CandidacyFile implements CandidacyStore {
  readonly #files: Files;
  readonly #path: string;

  constructor(files: Files, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /** Throws {@link DataDirectoryError} for a damaged one. */
  load(): string | undefined {
    const bytes = readKept(this.#files, this.#path);
    if (bytes === undefined) return undefined;
    const text = lossyText(bytes);
    if (/^[0-9a-f]{16}\n$/.test(text)) return text.trimEnd();
    throw new DataDirectoryError(
      `${this.#path} is damaged: it holds ${JSON.stringify(text.slice(0, 40))}, allowed are ` +
        "sixteen hexadecimal digits. Delete the file; if the cluster lists a member with this " +
        "node's addresses, remove that member, too",
    );
  }

  save(incarnation: string): void {
    replaceKept(this.#files, this.#path, utf8(`${incarnation}\n`));
  }

  remove(): void {
    try {
      this.#files.remove(this.#path);
    } catch (cause) {
      const message = `${this.#path} could not be removed: ${errorText(cause)}`;
      throw new FatalStorageError(message, { cause });
    }
  }
}
