/**
 * Which pages stand in a write-ahead log: those that the next checkpoint will write into the
 * database (SQLite, "Database File Format", §4). To be asked between transactions: frames behind
 * the last commit are of no interest, and may be written again.
 */

import type { ReadFile } from "../directory/files.ts";

const headerBytes = 32;
const frameHeadBytes = 24;
/** Where the two salts of the log stand in its header, and in the head of each frame. */
const saltAt = 16;
const frameSaltAt = 8;
const pageSizeAt = 8;
/** What is read at once. */
const framesAtOnce = 64;

/** One reader of one log, through all its beginnings. */
export class WalPages {
  readonly #file: ReadFile;
  /** For the frames: as many again after each commit would wait for the garbage collector. */
  #block = new Uint8Array(0);
  /** The salts of the frames read so far: new ones with each beginning. */
  #salts: readonly [number, number] = [0, 0];
  /** So many frames of this beginning were read. */
  #frames = 0;

  constructor(file: ReadFile) {
    this.#file = file;
  }

  /** How many frames the log holds since its beginning. */
  get frames(): number {
    return this.#frames;
  }

  /**
   * The numbers of the pages, from 1, in what was committed since the last call; some twice. It may
   * name pages that were written and taken back.
   */
  committed(): readonly number[] {
    const header = view(this.#file.read(0, headerBytes));
    if (header.byteLength < headerBytes) return [];
    if (!hasSalts(header, saltAt, this.#salts)) {
      this.#salts = [header.getUint32(saltAt), header.getUint32(saltAt + 4)];
      this.#frames = 0;
    }
    const frameBytes = frameHeadBytes + header.getUint32(pageSizeAt);
    if (this.#block.length !== framesAtOnce * frameBytes) {
      this.#block = new Uint8Array(framesAtOnce * frameBytes);
    }
    const pages: number[] = [];
    for (let at = this.#frames;; at += framesAtOnce) {
      const read = this.#file.readInto(headerBytes + at * frameBytes, this.#block);
      const frames = Math.floor(read / frameBytes);
      const words = view(this.#block);
      for (let each = 0; each < frames; each++) {
        const head = each * frameBytes;
        if (!hasSalts(words, head + frameSaltAt, this.#salts)) return pages;
        pages.push(words.getUint32(head));
        // With the last frame of a commit stands the size of the database, in pages.
        if (words.getUint32(head + 4) !== 0) this.#frames = at + each + 1;
      }
      if (frames < framesAtOnce) return pages;
    }
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function hasSalts(words: DataView, at: number, [a, b]: readonly [number, number]): boolean {
  return words.getUint32(at) === a && words.getUint32(at + 4) === b;
}
