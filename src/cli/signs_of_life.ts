/**
 * How long a node is waited for that says nothing. While it makes a backup, or restores one, it
 * may send nothing for minutes: so it is asked meanwhile whether it lives, which it answers however
 * much it has to do. One that is frozen, or out of reach, does not.
 */

/** It gave no sign of life for long. */
export class SilentError extends Error {
  override readonly name = "SilentError";
}

/** Whom to wait for, and how long without a sign, ms. */
export interface Patience {
  readonly endpoint: string;
  readonly pauseMs: number;
}

/** How often is asked, ms, and how many times at least in one pause. */
const lookMsMax = 5_000;
const looksMin = 4;

/**
 * The outcome of `work`, which the endpoint has to do. Rejects with {@link SilentError}, and aborts
 * the signal, when the endpoint gives no sign for the whole pause. What waits in this process while
 * it stands still itself is not counted.
 */
export async function whileAlive<T>(
  { endpoint, pauseMs }: Patience,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const working = new AbortController();
  const asking = new AbortController();
  const silence = Promise.withResolvers<never>();
  const lookMs = Math.min(lookMsMax, pauseMs / looksMin);
  let silentMs = 0;
  const look = (): void => {
    silentMs += lookMs;
    if (silentMs >= pauseMs) {
      silence.reject(new SilentError(`It gave no sign of life for ${pauseMs} ms`));
    }
    isAlive(endpoint, asking.signal).then((lives) => {
      if (lives) silentMs = 0;
    });
  };
  const timer = setInterval(look, lookMs);
  try {
    return await Promise.race([work(working.signal), silence.promise]);
  } catch (error) {
    working.abort();
    throw error;
  } finally {
    clearInterval(timer);
    asking.abort();
  }
}

async function isAlive(endpoint: string, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(`${endpoint}/livez`, { signal, redirect: "manual" });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
