/** Reads a stream of lines, and notices when it has fallen silent. */

import { concatBytes } from "../lib/bytes.ts";
import { timerMsMax } from "../lib/timer.ts";
import { reasonOf } from "./silence.ts";

/**
 * The longest line: a change and the record before it, both values at their limit of 8 MiB and
 * written with six letters a byte, which is the most that JSON makes of one.
 */
const lineBytesMax = 128 * 1024 * 1024;

/** What comes of waiting for a line. */
export type LineRead =
  | { readonly kind: "line"; readonly bytes: Uint8Array }
  /** `reason`: why there is none, nor will be. */
  | { readonly kind: "over"; readonly reason: string };

type Chunk = Awaited<ReturnType<ReadableStreamDefaultReader<Uint8Array>["read"]>>;

/** The lines of one body. What is behind the last line break was cut off, and is dropped. */
export class StreamLines {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #silenceMsMax: number;
  /** What has come of the line that is not whole yet. */
  #begun: Uint8Array[] = [];
  #begunBytes = 0;
  /** What has come behind the last line given. */
  #rest: Uint8Array = new Uint8Array(0);
  #wake = (): void => {};
  #isClosed = false;

  /** Over when nothing comes for `silenceMsMax`. */
  constructor(body: ReadableStream<Uint8Array>, silenceMsMax: number) {
    this.#reader = body.getReader();
    this.#silenceMsMax = silenceMsMax;
  }

  /** One call at a time. */
  async next(): Promise<LineRead> {
    for (;;) {
      const end = this.#rest.indexOf(0x0a);
      if (end >= 0) return this.#line(end);
      if (this.#rest.length > 0) {
        this.#begun.push(this.#rest);
        this.#begunBytes += this.#rest.length;
        this.#rest = new Uint8Array(0);
      }
      if (this.#begunBytes > lineBytesMax) {
        return over(`a line has more than ${lineBytesMax} bytes`);
      }
      const chunk = await this.#read();
      if (chunk === "closed") return over("it was closed");
      if (chunk === "silent") return over(`nothing came for ${this.#silenceMsMax} ms`);
      if (chunk instanceof Error) return over(reasonOf(chunk));
      if (chunk.done) return over("the stream ended");
      this.#rest = chunk.value;
    }
  }

  /** Nobody wants more; whoever waits is told. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
    // A stream that is broken already says so once more.
    this.#reader.cancel().catch(() => {});
  }

  #line(end: number): LineRead {
    const last = this.#rest.subarray(0, end);
    const bytes = this.#begun.length === 0 ? last : concatBytes([...this.#begun, last]);
    this.#rest = this.#rest.subarray(end + 1);
    this.#begun = [];
    this.#begunBytes = 0;
    return { kind: "line", bytes };
  }

  #read(): Promise<Chunk | Error | "silent" | "closed"> {
    if (this.#isClosed) return Promise.resolve("closed");
    return new Promise((resolve) => {
      const patienceMs = Math.min(this.#silenceMsMax, timerMsMax);
      const timer = setTimeout(() => resolve("silent"), patienceMs);
      const settle = (chunk: Chunk | Error | "closed"): void => {
        clearTimeout(timer);
        resolve(chunk);
      };
      this.#wake = () => settle("closed");
      this.#reader.read().then(settle, (error: unknown) => {
        settle(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }
}

function over(reason: string): LineRead {
  return { kind: "over", reason };
}
