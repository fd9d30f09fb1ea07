/**
 * raft.mark: the number of the newest write that was reported durable, and the term at it. A log
 * that is behind its mark has lost something that this node may have promised.
 *
 * It is written after each commit and before that commit's `done`, and it is not synced. A second
 * fsync would double the price of every write, and the mark does not need it: what it must catch is
 * a log that lost durable data (a bit turned in the middle of a WAL ends SQLite's recovery there
 * without a word, an old copy of the file was put back, the disk dropped a write), and then the
 * mark is still there. After a power cut the mark may be older than the log; that says nothing.
 *
 * Format 1. The file is 8,192 bytes: two slots, at 0 and at 4,096, so that a torn write, which ends
 * within one block, leaves the other slot whole. Write n goes into slot n mod 2. A slot is 28
 * bytes, integers little-endian; the rest of its block is zero:
 *
 *     0  4  the letters "skmk"
 *     4  4  format version, 1
 *     8  8  batch number
 *    16  8  current term
 *    24  4  CRC-32C of bytes 0 … 23
 *
 * The slot that counts is the one with the higher batch number among those whose checksum is right.
 */

import { dirname } from "node:path";
import { crc32c } from "../../lib/crc32c.ts";
import { FatalStorageError } from "../../node/ports.ts";
import type { BatchNumber, Term } from "../../raft/types.ts";
import { errorCode, errorText, type Files, isNoSpace, type OpenFile } from "./files.ts";

/** What the log held when it was last reported durable. */
export interface Mark {
  readonly batchNumber: BatchNumber;
  readonly currentTerm: Term;
}

export const raftMarkName = "raft.mark";
const magic = 0x6b6d_6b73;
const formatVersion = 1;
const slotBytes = 28;
const slotSpacing = 4096;
const fileBytes = 2 * slotSpacing;

/** The newest mark of a file that is not open; undefined when there is none. */
export function readMark(files: Files, path: string): Mark | undefined {
  const bytes = files.read(path);
  return bytes?.length === fileBytes
    ? newest((at) => parseSlot(bytes.subarray(at, at + slotBytes), path))
    : undefined;
}

function newest(slot: (at: number) => Mark | undefined): Mark | undefined {
  const slots = [0, slotSpacing].map(slot);
  return slots.reduce((a, b) => (a?.batchNumber ?? -1) >= (b?.batchNumber ?? -1) ? a : b);
}

function parseSlot(slot: Uint8Array, path: string): Mark | undefined {
  if (slot.length < slotBytes) return undefined;
  const words = new DataView(slot.buffer, slot.byteOffset, slotBytes);
  if (words.getUint32(0, true) !== magic) return undefined;
  if (words.getUint32(24, true) !== crc32c(slot.subarray(0, 24))) return undefined;
  const version = words.getUint32(4, true);
  if (version !== formatVersion) {
    const known = `this program knows ${formatVersion}`;
    throw new FatalStorageError(`${path} has format ${version}, ${known}`);
  }
  return {
    batchNumber: Number(words.getBigUint64(8, true)),
    currentTerm: Number(words.getBigUint64(16, true)),
  };
}

/** An open raft.mark. */
export class MarkFile {
  readonly #path: string;
  readonly #file: OpenFile;
  readonly #slot = new Uint8Array(slotBytes);
  readonly #words = new DataView(this.#slot.buffer);

  /** Opens the mark, or makes an empty one. */
  constructor(files: Files, path: string) {
    this.#path = path;
    try {
      this.#file = isMarkFile(files, path) ? files.open(path, "existing") : create(files, path);
    } catch (error) {
      throw this.#failed("opened", error);
    }
  }

  /** The newest mark that can be read; undefined when there is none. */
  read(): Mark | undefined {
    return newest((at) => parseSlot(this.#file.read(at, slotBytes), this.#path));
  }

  /** Not synced: see above. A full disk leaves the mark as it was, which costs nothing but news. */
  write(mark: Mark): void {
    try {
      this.#writeSlot(mark, (mark.batchNumber % 2) * slotSpacing);
    } catch (error) {
      if (!isNoSpace(errorCode(error))) throw this.#failed("written", error);
    }
  }

  /** Sets both slots, also to an older number, synced: the log was cut down to `mark`. */
  reset(mark: Mark): void {
    try {
      this.#writeSlot(mark, 0);
      this.#writeSlot(mark, slotSpacing);
      this.#file.sync();
    } catch (error) {
      throw this.#failed("written", error);
    }
  }

  close(): void {
    this.#file.close();
  }

  #writeSlot(mark: Mark, at: number): void {
    this.#words.setUint32(0, magic, true);
    this.#words.setUint32(4, formatVersion, true);
    this.#words.setBigUint64(8, BigInt(mark.batchNumber), true);
    this.#words.setBigUint64(16, BigInt(mark.currentTerm), true);
    this.#words.setUint32(24, crc32c(this.#slot.subarray(0, 24)), true);
    this.#file.write(this.#slot, at);
  }

  #failed(what: string, cause: unknown): FatalStorageError {
    if (cause instanceof FatalStorageError) return cause;
    const message = `${this.#path} could not be ${what}: ${errorText(cause)}`;
    return new FatalStorageError(message, { cause });
  }
}

function isMarkFile(files: Files, path: string): boolean {
  return files.read(path)?.length === fileBytes;
}

/** Room for both slots from the start, so that a mark never needs new space on a full disk. */
function create(files: Files, path: string): OpenFile {
  const file = files.open(path, "create");
  file.write(new Uint8Array(fileBytes), 0);
  file.sync();
  files.syncDirectory(dirname(path));
  return file;
}
