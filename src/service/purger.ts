/**
 * Removes what compaction has given up, on each node by itself: a little at a time, so that nobody
 * who is served waits for it.
 */

/** How often {@link purgeSome} is to be called, ms. */
export const purgeEveryMs = 25;
/** Of that, so much is spent on it at most, ms. */
const spentMsMax = 5;
/** A step takes less than two milliseconds; where time stands still, their number is the bound. */
const stepsMax = 8;

/** `step` removes a little, and says whether there is more. */
export function purgeSome(step: () => boolean, monotonicMs: () => number): void {
  const endMs = monotonicMs() + spentMsMax;
  for (let steps = 0; steps < stepsMax && monotonicMs() <= endMs; steps++) if (!step()) return;
}
