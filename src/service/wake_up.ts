/** Something that sleeps until it is woken, or for a time; being woken while awake counts. */

/** Calls `run` once after that time, unless the returned function is called before. */
export type After = (ms: number, run: () => void) => () => void;

/** By the timers of the runtime. */
export function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

/** For one sleeper. */
export class WakeUp {
  readonly #after: After;
  #isDue = false;
  #wake: () => void = () => {};

  constructor(after: After) {
    this.#after = after;
  }

  wake(): void {
    this.#isDue = true;
    this.#wake();
  }

  /** Resolves with whether it was woken, at the latest after `ms`. */
  async sleep(ms: number): Promise<boolean> {
    if (!this.#isDue && ms > 0) {
      const woken = Promise.withResolvers<void>();
      this.#wake = woken.resolve;
      const forget = this.#after(ms, woken.resolve);
      await woken.promise;
      this.#wake = () => {};
      forget();
    }
    const wasWoken = this.#isDue;
    this.#isDue = false;
    return wasWoken;
  }
}
