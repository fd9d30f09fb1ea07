/** A lease that is kept alive in the background, three times in its life. */

import { timerMsMax } from "../lib/timer.ts";
import { AnswerError, UnreachableError } from "./errors.ts";

/** Who could not be reached may come back in time. */
const retryPauseMs = 1_000;
const keptPerLife = 3;

/** What a keeper works with. */
export interface KeptLeaseParts {
  /** One keepalive; resolves with the time to live that the lease has again. */
  readonly keepAlive: () => Promise<{ readonly ttlMs: number }>;
  /** It could not be kept alive now, and may be the next time. */
  readonly onTrouble: (error: unknown) => void;
}

/** See the head of this file. */
export class KeptLease {
  readonly #parts: KeptLeaseParts;
  readonly #over = Promise.withResolvers<void>();
  #isOver = false;
  #wake = (): void => {};
  /** It lives until then at least, as far as this process knows. */
  #aliveUntilMs: number;

  /** `aliveUntilMs`, of `performance.now()`: until then it lives without being kept. */
  constructor(parts: KeptLeaseParts, aliveUntilMs = -Infinity) {
    this.#parts = parts;
    this.#aliveUntilMs = aliveUntilMs;
  }

  /** Resolves when it is stopped; rejects when the lease is gone, or could not be kept alive. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Begins with a keepalive. To be called once. */
  start(): void {
    this.#keepOn().then(this.#over.resolve, this.#over.reject);
  }

  /** Whatever the keepalive under way comes to. */
  stop(): void {
    this.#isOver = true;
    this.#over.resolve();
    this.#wake();
  }

  async #keepOn(): Promise<void> {
    let pauseMs = retryPauseMs;
    while (!this.#isOver) {
      const askedMs = performance.now();
      try {
        const { ttlMs } = await this.#parts.keepAlive();
        this.#aliveUntilMs = askedMs + ttlMs;
        pauseMs = ttlMs / keptPerLife;
      } catch (error) {
        if (!mayPass(error) || performance.now() >= this.#aliveUntilMs) throw error;
        this.#parts.onTrouble(error);
        pauseMs = Math.min(pauseMs, retryPauseMs);
      }
      if (!this.#isOver) await this.#pause(pauseMs);
    }
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(ms, timerMsMax));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof UnreachableError) return true;
  return error instanceof AnswerError && (error.retryable || error.outcome === "unknown");
}
