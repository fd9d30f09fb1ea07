/**
 * Removes what compaction has given up, on each node by itself: a little at a time, so that nobody
 * who is served waits for it.
 */

/** How often {@link Purger.look} is to be called, ms. */
export const purgeLookEveryMs = 100;
/** While there is something to remove, that is done so often, ms. */
const purgeEveryMs = 25;
/** Of that, so much is spent on it at most, ms. */
const spentMsMax = 5;
/** A step takes less than two milliseconds; where time stands still, their number is the bound. */
const stepsMax = 8;

/** What the purger works with. */
export interface PurgerParts {
  /** Removes a little; false when there is no more. */
  readonly step: () => boolean;
  readonly monotonicMs: () => number;
  /** Calls `run` every so many ms until the returned function is called. */
  readonly every: (ms: number, run: () => void) => () => void;
}

/** See the head of this file. */
export class Purger {
  readonly #parts: PurgerParts;
  #stop: (() => void) | undefined;

  constructor(parts: PurgerParts) {
    this.#parts = parts;
  }

  look(): void {
    if (this.#stop !== undefined || !this.#removeSome()) return;
    this.#stop = this.#parts.every(purgeEveryMs, () => {
      if (!this.#removeSome()) this.stop();
    });
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  /** Whether there is more. */
  #removeSome(): boolean {
    const { step, monotonicMs } = this.#parts;
    const endMs = monotonicMs() + spentMsMax;
    for (let steps = 0; steps < stepsMax && monotonicMs() <= endMs; steps++) {
      if (!step()) return false;
    }
    return true;
  }
}
