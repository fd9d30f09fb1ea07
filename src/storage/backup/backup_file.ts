/** Backups as files: written from a store that stands still, and checked from their bytes. */

import { createHash, type Hash } from "node:crypto";
import { type BackupOrigin, exportBlocks, headerOf } from "../../kv/backup/export.ts";
import { backupMagic, encodeBlock } from "../../kv/backup/format.ts";
import { BackupReader, type Sha256, type WholeBackup } from "../../kv/backup/reader.ts";
import type { KvTables } from "../../kv/ports.ts";
import { concatBytes } from "../../lib/bytes.ts";
import type { OpenFile } from "../directory/files.ts";

/** Bytes that are read at once. */
const pieceBytes = 256 * 1024;
/** Blocks are collected up to about so many bytes before they are written. */
const writeBytes = 256 * 1024;

/** A backup that stands in a file. */
export interface WrittenBackup extends WholeBackup {
  /** SHA-256 of the whole file. */
  readonly digest: Uint8Array;
}

/**
 * Writes a backup of `tables` to `file`, which is empty, and syncs nothing: that would hold up all
 * else. Yields after each step of some milliseconds at most, so that who writes it beside other
 * things can let those go first.
 */
export function* writeBackup({ tables, origin, file }: {
  readonly tables: KvTables;
  readonly origin: BackupOrigin;
  readonly file: Pick<OpenFile, "write">;
}): Generator<void, WrittenBackup> {
  const out = new HashedFile(file);
  out.add(backupMagic);
  const blocks = exportBlocks(tables, origin);
  for (;;) {
    const next = blocks.next();
    if (next.done !== true) {
      if (next.value !== undefined) out.add(next.value);
      yield;
      continue;
    }
    const counts = next.value;
    const sha256 = out.digest();
    out.add(encodeBlock({ kind: "end", counts, sha256 }));
    const digest = out.digest();
    out.flush();
    return { header: headerOf(tables, origin), counts, bytes: out.bytes, sha256, digest };
  }
}

/** Collects what is written, so that small blocks do not cost a call each. */
class HashedFile {
  readonly #file: Pick<OpenFile, "write">;
  readonly #hash: Hash = createHash("sha256");
  #pieces: Uint8Array[] = [];
  #held = 0;
  #written = 0;

  constructor(file: Pick<OpenFile, "write">) {
    this.#file = file;
  }

  get bytes(): number {
    return this.#written + this.#held;
  }

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#pieces.push(bytes);
    this.#held += bytes.length;
    if (this.#held >= writeBytes) this.flush();
  }

  flush(): void {
    if (this.#held === 0) return;
    this.#file.write(concatBytes(this.#pieces), this.#written);
    this.#written += this.#held;
    this.#pieces = [];
    this.#held = 0;
  }

  /** SHA-256 of all that was added so far. */
  digest(): Uint8Array {
    return new Uint8Array(this.#hash.copy().digest());
  }
}

/** SHA-256 of what a {@link BackupReader} reads. */
export function newSha256(): Sha256 {
  const hash = createHash("sha256");
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => new Uint8Array(hash.digest()),
  };
}

/** Reads a backup to its end. Throws BackupFlawError, or what `file` throws. */
export function* checkBackup(
  file: Pick<OpenFile, "size" | "read">,
): Generator<void, WholeBackup & { readonly digest: Uint8Array }> {
  const whole = createHash("sha256");
  const reader = new BackupReader(newSha256());
  const size = file.size();
  for (let at = 0; at < size; at += pieceBytes) {
    const piece = file.read(at, pieceBytes);
    whole.update(piece);
    reader.push(piece);
    yield;
  }
  return { ...reader.finish(), digest: new Uint8Array(whole.digest()) };
}

/** Runs all steps at once, where nothing else waits. */
export function atOnce<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
