/**
 * Lines to standard error, which may be the log of a node: a reader that has gone, a full disk and
 * a full pipe must neither end the program nor make it remember without bound. The stream of
 * `node:process` would: Deno's ends the program when the reader has gone, and takes nothing more
 * once the disk was full.
 */

import { concatBytes, utf8 } from "../lib/bytes.ts";

/** What a pipe that is full may leave to be written later; lines above it are dropped. */
const restBytesMax = 1024 * 1024;
const pauseMs = 20;
/**
 * Every pipe takes so much whole or not at all (POSIX's PIPE_BUF). Of more a full one may take a
 * part, and Deno does not tell which.
 */
const pieceBytes = 512;
const nothing = new Uint8Array(0);

/** See the head of this file. */
export class ErrorLines {
  readonly #write: (bytes: Uint8Array) => number;
  #rest: Uint8Array = nothing;
  #isWaiting = false;

  /** `write` tells how many bytes it took, and throws as write(2) fails. */
  constructor(write: (bytes: Uint8Array) => number) {
    this.#write = write;
  }

  say(line: string): void {
    if (this.#rest.length >= restBytesMax) return;
    this.#rest = concatBytes([this.#rest, utf8(`${line}\n`)]);
    if (!this.#isWaiting) this.#push();
  }

  #push(): void {
    this.#isWaiting = false;
    try {
      while (this.#rest.length > 0) {
        this.#rest = this.#rest.subarray(this.#write(this.#rest.subarray(0, pieceBytes)));
      }
    } catch (error) {
      this.#isWaiting = isFullPipe(error);
      if (this.#isWaiting) setTimeout(() => this.#push(), pauseMs);
      // Nobody can be told; the next line may find the disk with room again.
      else this.#rest = nothing;
    }
  }
}

function isFullPipe(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EAGAIN";
}
