/** What a leader has appended and not yet committed, in bytes: the measure of its overload. */

import { Queue } from "../lib/queue.ts";
import type { Index } from "./types.ts";

/** Of one leadership: what earlier leaders left uncommitted does not count. */
export class Uncommitted {
  readonly #entries = new Queue<{ readonly index: Index; readonly bytes: number }>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  appended(index: Index, bytes: number): void {
    this.#entries.push({ index, bytes });
    this.#bytes += bytes;
  }

  committedTo(index: Index): void {
    let oldest = this.#entries.peek();
    while (oldest !== undefined && oldest.index <= index) {
      this.#bytes -= oldest.bytes;
      this.#entries.shift();
      oldest = this.#entries.peek();
    }
  }
}
