/**
 * Reads HTTP/1.1 answers from a byte stream, as little of them as a load generator needs: the
 * status and how long the body is. Knows Content-Length and chunked bodies; anything else is an
 * error, because the end of the answer would be a guess.
 */

import { concatBytes, emptyBytes } from "../../src/lib/bytes.ts";

export interface Http1Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const decoder = new TextDecoder("latin1");

export class Http1Answers {
  readonly #onAnswer: (answer: Http1Answer) => void;
  #rest: Uint8Array = emptyBytes;

  constructor(onAnswer: (answer: Http1Answer) => void) {
    this.#onAnswer = onAnswer;
  }

  /** Throws when the bytes are no answer. */
  push(chunk: Uint8Array): void {
    let bytes = this.#rest.length === 0 ? chunk : concatBytes([this.#rest, chunk]);
    for (;;) {
      const end = this.#takeOne(bytes);
      if (end === 0) break;
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }

  /** The length of the answer at the start of `bytes`; 0 when it is not whole. */
  #takeOne(bytes: Uint8Array): number {
    const head = readHead(bytes);
    if (head === undefined) return 0;
    const { status, bodyStart, contentLength } = head;
    if (contentLength === undefined) {
      const chunked = readChunks(bytes, bodyStart);
      if (chunked === undefined) return 0;
      this.#onAnswer({ status, body: chunked.body });
      return chunked.end;
    }
    const end = bodyStart + contentLength;
    if (bytes.length < end) return 0;
    this.#onAnswer({ status, body: bytes.subarray(bodyStart, end) });
    return end;
  }
}

interface Head {
  readonly status: number;
  readonly bodyStart: number;
  /** Undefined when the body is chunked. */
  readonly contentLength: number | undefined;
}

function readHead(bytes: Uint8Array): Head | undefined {
  let contentLength: number | undefined;
  let chunked = false;
  let line = 0;
  for (;;) {
    const end = bytes.indexOf(lineFeed, line);
    if (end < 0) return undefined;
    const length = end - line - (bytes[end - 1] === carriageReturn ? 1 : 0);
    if (length === 0 && line > 0) {
      if (contentLength === undefined && !chunked) {
        throw new Error("The answer has neither Content-Length nor chunks");
      }
      return { status: statusOf(bytes), bodyStart: end + 1, contentLength };
    }
    // Content-Length is 14 letters, Transfer-Encoding 17: the colon's place tells them apart.
    if (bytes[line + 14] === colon && startsWithC(bytes, line)) {
      contentLength = Number(decoder.decode(bytes.subarray(line + 15, line + length)));
      if (!Number.isSafeInteger(contentLength)) throw new Error("Content-Length is no number");
    } else if (bytes[line + 17] === colon) {
      const text = decoder.decode(bytes.subarray(line, line + length)).toLowerCase();
      chunked ||= /^transfer-encoding: *chunked$/.test(text);
    }
    line = end + 1;
  }
}

const colon = 0x3a;
const space = 0x20;

function startsWithC(bytes: Uint8Array, at: number): boolean {
  const lower = (bytes[at]! | space) === 0x63;
  return lower && decoder.decode(bytes.subarray(at, at + 14)).toLowerCase() === "content-length";
}

/** `HTTP/1.1 200 …`: the digits stand at a fixed place. */
function statusOf(bytes: Uint8Array): number {
  const status = Number(decoder.decode(bytes.subarray(9, 12)));
  if (!Number.isInteger(status)) throw new Error("The answer has no status");
  return status;
}

function readChunks(
  bytes: Uint8Array,
  start: number,
): { readonly body: Uint8Array; readonly end: number } | undefined {
  const parts: Uint8Array[] = [];
  for (let at = start;;) {
    const lineEnd = bytes.indexOf(lineFeed, at);
    if (lineEnd < 0) return undefined;
    const length = parseInt(decoder.decode(bytes.subarray(at, lineEnd)), 16);
    if (Number.isNaN(length)) throw new Error("A chunk has no length");
    const next = lineEnd + 1 + length + 2;
    if (bytes.length < next) return undefined;
    if (length === 0) return { body: concatBytes(parts), end: next };
    parts.push(bytes.subarray(lineEnd + 1, lineEnd + 1 + length));
    at = next;
  }
}
