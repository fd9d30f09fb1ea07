/** Waits that end when something happens, when their time is up, or when the client goes. */

import type { RequestOptions } from "./contract.ts";
import { whenGone } from "./gone.ts";

/** How long to wait, and for whom. */
export interface Patience {
  /** From now. */
  readonly ms: number;
  readonly signal?: RequestOptions["signal"] | undefined;
}

/**
 * Resolves once what `listen` is handed is called, and when the patience is at its end. `listen`
 * returns how it is forgotten.
 */
export async function untilWoken(
  { ms, signal }: Patience,
  listen: (wake: () => void) => () => void,
): Promise<void> {
  const woken = Promise.withResolvers<void>();
  const timer = setTimeout(woken.resolve, Math.max(0, ms));
  const forgetClient = whenGone(signal, woken.resolve);
  const forget = listen(woken.resolve);
  await woken.promise;
  clearTimeout(timer);
  forgetClient();
  forget();
}
