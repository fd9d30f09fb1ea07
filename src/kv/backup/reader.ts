/**
 * Reads the file of a backup as its bytes arrive, in pieces of any length, and believes none of
 * them before its block is whole and right. Never holds more than a block and a piece.
 */

import { concatBytes, equalBytes, MalformedBytesError } from "../../lib/bytes.ts";
import {
  type BackupBlock,
  type BackupCounts,
  backupMagic,
  type BackupSection,
  blockHeadBytes,
  blockLength,
  decodeBlock,
} from "./format.ts";
import { type BackupHeader, decodeHeader } from "./header.ts";
import { type BackupProgress, noProgress } from "./progress.ts";
import { progressBehind, type RecordsBlock } from "./rules.ts";

/** What is wrong with a backup, and where: a sentence that goes on behind its name. */
export class BackupFlawError extends Error {
  override readonly name = "BackupFlawError";
}

/** SHA-256 as it is computed piece by piece: whoever reads brings it. */
export interface Sha256 {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

/** A backup that was read to its end, and is whole. */
export interface WholeBackup {
  readonly header: BackupHeader;
  readonly counts: BackupCounts;
  readonly bytes: number;
  /** As the end says it: of all bytes before the end. */
  readonly sha256: Uint8Array;
}

/** See the head of this file. Every method throws BackupFlawError. */
export class BackupReader {
  readonly #sha256: Sha256;
  readonly #onRecords: (bytes: Uint8Array, block: RecordsBlock) => void;
  /** Came and is not read; joined once it is as long as what is waited for. */
  #rest: Uint8Array = new Uint8Array(0);
  #later: Uint8Array[] = [];
  #laterBytes = 0;
  #wanted = 1;
  /** How many bytes are read. */
  #offset = 0;
  #header: BackupHeader | undefined;
  #progress: BackupProgress = noProgress;
  #end: Omit<WholeBackup, "header" | "bytes"> | undefined;
  readonly #counts: Record<BackupSection, number> = { leases: 0, changes: 0, answers: 0 };

  /** `onRecords` is told each block of records, whole and right, as it stands in the file. */
  constructor(
    sha256: Sha256,
    onRecords: (bytes: Uint8Array, block: RecordsBlock) => void = () => {},
  ) {
    this.#sha256 = sha256;
    this.#onRecords = onRecords;
  }

  /** Undefined until it has come. */
  get header(): BackupHeader | undefined {
    return this.#header;
  }

  /** More bytes have come. */
  push(piece: Uint8Array): void {
    this.#later.push(piece);
    this.#laterBytes += piece.length;
    if (this.#rest.length + this.#laterBytes < this.#wanted) return;
    this.#join();
    this.#wanted = 1;
    while (this.#readBlock());
    // A view would keep the memory of all that came before it.
    this.#rest = this.#rest.slice();
  }

  #join(): void {
    this.#rest = concatBytes([this.#rest, ...this.#later]);
    this.#later = [];
    this.#laterBytes = 0;
  }

  /** Nothing more comes. */
  finish(): WholeBackup {
    const [header, end] = [this.#header, this.#end];
    if (this.#offset === 0) throw new BackupFlawError("is no backup: it is too short");
    if (header === undefined || end === undefined) {
      const bytes = this.#offset + this.#rest.length + this.#laterBytes;
      throw new BackupFlawError(`is cut off after ${bytes} bytes`);
    }
    return { header, ...end, bytes: this.#offset };
  }

  /** Whether there was one. */
  #readBlock(): boolean {
    const rest = this.#rest;
    if (this.#offset === 0) return this.#readMagic();
    if (this.#end !== undefined) {
      if (rest.length === 0) return false;
      throw new BackupFlawError(`goes on behind its end at byte ${this.#offset}`);
    }
    if (rest.length < blockHeadBytes) return false;
    const length = blockLength(rest.subarray(0, blockHeadBytes));
    if (length === undefined) throw this.#flaw("no block begins there");
    if (rest.length < length) {
      this.#wanted = length;
      return false;
    }
    this.#take(rest.subarray(0, length));
    this.#rest = rest.subarray(length);
    this.#offset += length;
    return true;
  }

  #readMagic(): boolean {
    const { length } = backupMagic;
    const first = this.#rest.subarray(0, length);
    if (!equalBytes(first, backupMagic.subarray(0, first.length))) {
      throw new BackupFlawError("is no backup: it does not begin like one");
    }
    if (first.length < length) return false;
    this.#sha256.update(first);
    this.#rest = this.#rest.subarray(length);
    this.#offset = length;
    return true;
  }

  #take(bytes: Uint8Array): void {
    try {
      const block = decodeBlock(bytes);
      this.#takeBlock(bytes, block);
      if (block.kind !== "end") this.#sha256.update(bytes);
    } catch (error) {
      if (!(error instanceof MalformedBytesError)) throw error;
      throw this.#flaw(error.message);
    }
  }

  #takeBlock(bytes: Uint8Array, block: BackupBlock): void {
    const header = this.#header;
    if (header === undefined || block.kind === "header") {
      if (header !== undefined || block.kind !== "header") {
        throw new MalformedBytesError("the header is not the first block, or not the only one");
      }
      this.#header = decodeHeader(block.json);
      return;
    }
    if (block.kind === "end") return this.#takeEnd(block);
    this.#progress = progressBehind(block, this.#progress, header);
    this.#counts[block.kind] += block.records.length;
    this.#onRecords(bytes, block);
  }

  #takeEnd({ counts, sha256 }: Extract<BackupBlock, { readonly kind: "end" }>): void {
    for (const section of ["leases", "changes", "answers"] as const) {
      if (counts[section] === this.#counts[section]) continue;
      const found = `${this.#counts[section]} ${section}`;
      throw new MalformedBytesError(`the end counts ${counts[section]}, there are ${found}`);
    }
    if (!equalBytes(this.#sha256.digest(), sha256)) {
      throw new MalformedBytesError("the SHA-256 at the end is another one");
    }
    this.#end = { counts, sha256 };
  }

  #flaw(what: string): BackupFlawError {
    return new BackupFlawError(`is damaged at byte ${this.#offset}: ${what}`);
  }
}
