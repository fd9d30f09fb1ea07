/**
 * The keys under which this client's writes are remembered: `NAME;1`, `NAME;2`, … with a NAME that
 * nobody else has. A node that gets a write under a key that it has seen gives the first answer
 * again, so that a write whose answer was lost can be sent again.
 */

import { base64url } from "../lib/bytes.ts";
import { Queue } from "../lib/queue.ts";
import { timerMsMax } from "../lib/timer.ts";

/** A cluster remembers so many of the newest numbers of a NAME (docs/API.md). */
const numbersRemembered = 256;
/** So many writes may wait for their number. */
const writesWaitingMax = 10_000;
/** 120 bits, 20 letters: two clients never draw the same. */
const nameBytes = 15;

/** A key in use, to be given back when its write is over. */
export interface HeldKey {
  readonly key: string;
  release(): void;
}

/** Gives a key to who waits, unless he has given up. */
type Waiting = () => void;

/**
 * Hands out keys. The newest number is never so far ahead of the oldest one in use that the cluster
 * could have forgotten that one: whoever comes too early waits, in order.
 */
export class IdempotencyKeys {
  readonly #name = base64url(crypto.getRandomValues(new Uint8Array(nameBytes)));
  #next = 1;
  /** In the order in which they were given, so that the first is the oldest. */
  readonly #held = new Set<number>();
  readonly #waiting = new Queue<Waiting>();

  /** Undefined where the time passes first, or too many wait already. */
  take(withinMs: number): HeldKey | Promise<HeldKey | undefined> | undefined {
    if (this.#waiting.length === 0 && this.#isRoom) return this.#give();
    if (this.#waiting.length >= writesWaitingMax) return undefined;
    return new Promise((resolve) => {
      let isOver = false;
      const timer = setTimeout(() => {
        isOver = true;
        resolve(undefined);
      }, Math.min(withinMs, timerMsMax));
      this.#waiting.push(() => {
        if (isOver) return;
        clearTimeout(timer);
        resolve(this.#give());
      });
    });
  }

  get #isRoom(): boolean {
    const [oldest = this.#next] = this.#held;
    return this.#next - oldest < numbersRemembered;
  }

  #give(): HeldKey {
    const number = this.#next++;
    this.#held.add(number);
    return { key: `${this.#name};${number}`, release: () => this.#release(number) };
  }

  #release(number: number): void {
    this.#held.delete(number);
    while (this.#waiting.length > 0 && this.#isRoom) this.#waiting.shift()?.();
  }
}
