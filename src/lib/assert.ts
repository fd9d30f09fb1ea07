/**
 * Assertions stay on in production: a broken assertion is a broken invariant of our own, never a
 * bad input, and the only safe answer to it is to end the process before the damage spreads
 * (docs/STYLE.md).
 */

/** Thrown when one of our own invariants does not hold. Nobody catches it to carry on. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Ends the current operation with an {@link AssertionError} unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Returns `value` when it is there, and fails the assertion `message` when it is not. */
export function assertDefined<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new AssertionError(message);
  return value;
}

/**
 * For the default branch of a `switch` over a closed union: the compiler proves that it is never
 * reached.
 */
export function unreachable(value: never): never {
  throw new AssertionError(`Unreachable case ${JSON.stringify(value)}`);
}

/**
 * Returns `value` when it is an integer in 0 … 2^53 − 1. Terms, indexes and revisions travel as
 * JavaScript numbers; beyond that bound they would lose their last digit in silence.
 */
export function assertCount(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new AssertionError(`${name} is ${value}, not a safe non-negative integer`);
  }
  return value;
}
