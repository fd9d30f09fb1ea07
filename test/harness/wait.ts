/**
 * Waiting for a condition with a deadline: what tests do instead of sleeping. A deadline is for
 * what never comes; it must not fail what comes late, on a machine that is busy or stands still.
 */

import { setImmediate } from "node:timers";

export interface UntilOptions {
  /** What is waited for, as it shall stand in the error: "a leader", "node 2 to answer /readyz". */
  readonly what: string;
  /** Give up after so long; a minute when absent. */
  readonly withinMs?: number;
  /** Ask again after so long; 10 ms when absent. */
  readonly everyMs?: number;
}

/** The condition did not come true in time. */
export class WaitTimeoutError extends Error {
  override readonly name = "WaitTimeoutError";
}

type Falsy = false | undefined | null;

/**
 * Asks `condition` until it gives something other than false, undefined or null, and resolves with
 * that. A condition that throws is asked again; its last error is the `cause` of the
 * {@link WaitTimeoutError} that ends the wait.
 */
export async function until<T>(
  condition: () => T | Falsy | Promise<T | Falsy>,
  options: UntilOptions,
): Promise<T> {
  const withinMs = options.withinMs ?? 60_000;
  const endMs = performance.now() + withinMs;
  let lastError: unknown;
  for (;;) {
    try {
      const found = await condition();
      if (found !== false && found !== undefined && found !== null) return found;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() >= endMs) {
      const last = lastError === undefined ? "" : `; last error: ${String(lastError)}`;
      throw new WaitTimeoutError(`Waited ${withinMs} ms for ${options.what}${last}`, {
        cause: lastError,
      });
    }
    await pause(options.everyMs ?? 10);
  }
}

/**
 * Resolves once every promise that can go on has gone on: what waits then waits for the test, or
 * for time to pass. For showing that something did not happen.
 */
export function standstill(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets `ms` pass. For the pace of a load or of a fault, never to wait for something. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
