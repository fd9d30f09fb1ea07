/** What the timers of the runtimes have in common. */

/** A timer waits no longer, ms: one that should is over at once. */
export const timerMsMax = 2 ** 31 - 1;
