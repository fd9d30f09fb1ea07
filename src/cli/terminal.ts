/** Where a command reads and writes; tests hand in one that remembers. */

import { constants, fstatSync, openSync, readFileSync, writeSync } from "node:fs";
import process from "node:process";
import { ErrorLines } from "./error_lines.ts";

/** Standard input, output and error, and the keys. */
export interface Terminal {
  /** To standard output; resolves when it is written, so that an exit cuts nothing off. */
  write(data: string | Uint8Array): Promise<void>;
  /** Whoever read standard output has gone: nothing written there is seen by anybody. */
  readonly isReaderGone: boolean;
  /** One line to standard error. */
  warn(line: string): void;
  /** All of standard input. */
  readInput(): Promise<Uint8Array>;
  readFile(path: string): Uint8Array;
  /** A person is watching: colours, live lines and questions make sense. */
  readonly isInteractive: boolean;
  readonly columns: number;
  /** Calls `handler` with each key pressed until the returned function is called. */
  onKey(handler: (key: string) => void): () => void;
}

const errorLines = new ErrorLines((bytes) => writeSync(errorOutput(), bytes));
let openedErrorOutput: number | undefined;
let isReaderGone = false;

/**
 * The descriptor of standard error. A reader that stands still must not hold up a node: a pipe that
 * is opened anew says that it is full instead of waiting.
 */
function errorOutput(): number {
  openedErrorOutput ??= openErrorOutput();
  return openedErrorOutput;
}

function openErrorOutput(): number {
  const standardError = 2;
  try {
    if (!fstatSync(standardError).isFIFO()) return standardError;
    return openSync("/dev/stderr", constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return standardError;
  }
}

export const processTerminal: Terminal = {
  write: (data) =>
    new Promise((resolve, reject) => {
      // Deno tells a failed write twice, and ends the process where the second one is not heard.
      if (process.stdout.listenerCount("error") === 0) process.stdout.on("error", () => {});
      process.stdout.write(data, (error) => {
        // The reader has gone (`skein ls | head`): there is nobody left to tell.
        const isGone = error instanceof Error && isBrokenPipe(error);
        if (isGone) isReaderGone = true;
        if (error !== undefined && error !== null && !isGone) reject(error);
        else resolve();
      });
    }),
  get isReaderGone() {
    return isReaderGone;
  },
  warn: (line) => errorLines.say(line),
  async readInput() {
    const chunks: Uint8Array[] = [];
    for await (const chunk of process.stdin) {
      chunks.push(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
    }
    return new Uint8Array(Buffer.concat(chunks));
  },
  readFile: (path) => new Uint8Array(readFileSync(path)),
  get isInteractive() {
    return process.stdin.isTTY === true && process.stdout.isTTY === true;
  },
  get columns() {
    return process.stdout.columns ?? 80;
  },
  onKey(handler) {
    const { stdin } = process;
    const onData = (data: Uint8Array | string): void => handler(data.toString());
    stdin.setRawMode(true);
    stdin.on("data", onData);
    stdin.resume();
    return () => {
      stdin.off("data", onData);
      stdin.setRawMode(false);
      stdin.pause();
    };
  },
};

function isBrokenPipe(error: Error): boolean {
  return "code" in error && error.code === "EPIPE";
}
