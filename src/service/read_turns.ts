/**
 * Reads of the store run one after the other in the event loop, and so does what becomes of their
 * answers. Many large ones that arrive together would keep everything else waiting: heartbeats
 * first of all. So the loop gets a rest after each mebibyte, whoever has read it, and after some
 * milliseconds: what was looked at in vain, or passed over, is in no answer.
 */

import type { Answer } from "../kv/query.ts";
import type { KvRecord } from "../kv/record.ts";
import { Queue } from "../lib/queue.ts";

/** A rest is due when this much was read since the last one, bytes. */
export const bytesBetweenRests = 1024 * 1024;

/** A rest is due when reading took so long since the last one, ms. */
export const msBetweenRests = 4;

/** What finding a key costs, whatever it holds, in bytes that could be read meanwhile. */
const keyCostBytes = 1024;

/** What reading `answer` has cost, bytes. */
export function costOf(answer: Answer | undefined): number {
  let bytes = keyCostBytes;
  if (answer?.kind === "contest") {
    bytes += keyCostBytes * (answer.contestants ?? 0) + (answer.holder?.value.length ?? 0);
  }
  for (const record of recordsOf(answer)) bytes += keyCostBytes + (record?.value.length ?? 0);
  return bytes;
}

/** What was read for the answer: undefined stands for a key that was looked for. */
function recordsOf(answer: Answer | undefined): readonly (KvRecord | undefined)[] {
  switch (answer?.kind) {
    case "records":
      return answer.records;
    case "range":
      return answer.items;
    case "history":
      return answer.items.map((item) => item.kind === "version" ? item.record : undefined);
    case "changes":
      return answer.revisions.flatMap(({ events }) =>
        events.flatMap((event) => [event.kind === "put" ? event.record : undefined, event.prev])
      );
    case "leases":
      return Array.from(answer.leases, () => undefined);
    case "lease":
      return Array.from(answer.keys ?? [], () => undefined);
    default:
      return [];
  }
}

/** The reads of one node. */
export class ReadTurns {
  readonly #soon: (run: () => void) => void;
  readonly #waiting = new Queue<() => void>();
  readonly #monotonicMs: () => number;
  /** Read since the loop has gone round, and how long that took. */
  #bytes = 0;
  #ms = 0;
  #isTimed = false;

  /** `soon` calls back after the events that wait now. */
  constructor(soon: (run: () => void) => void, monotonicMs: () => number) {
    this.#soon = soon;
    this.#monotonicMs = monotonicMs;
  }

  /** Nothing may be read now but by {@link later}. */
  get isResting(): boolean {
    return this.#bytes >= bytesBetweenRests || this.#ms >= msBetweenRests;
  }

  /** What `read` returns now; `bytesOf` says what it cost. */
  now<T>(read: () => T, bytesOf: (answer: T) => number): T {
    const startMs = this.#monotonicMs();
    const answer = read();
    this.#ms += this.#monotonicMs() - startMs;
    this.#bytes += bytesOf(answer);
    if (!this.#isTimed) {
      this.#isTimed = true;
      this.#soon(() => this.#goOn());
    }
    return answer;
  }

  /** The same after the rest, in order. */
  later<T>(read: () => T, bytesOf: (answer: T) => number): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(this.now(read, bytesOf));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  #goOn(): void {
    this.#isTimed = false;
    this.#bytes = 0;
    this.#ms = 0;
    while (!this.isResting && this.#waiting.length > 0) this.#waiting.shift()?.();
  }
}
