/** Time as streams need it that last longer than a request. */

/** See systemStreamClock. */
export interface StreamClock {
  /** Integer ms, never runs backwards. */
  monotonicMs(): number;
  /** Calls `run` once after that time, unless the returned function is called before. */
  after(delayMs: number, run: () => void): () => void;
}

/** The clock of the node, with the timers of the runtime. */
export function systemStreamClock(monotonicMs: () => number): StreamClock {
  return {
    monotonicMs,
    after(delayMs, run) {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
  };
}
