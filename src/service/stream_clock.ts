/** Time as streams need it that last longer than a request. */

import { type After, after } from "./wake_up.ts";

/** See systemStreamClock. */
export interface StreamClock {
  /** Integer ms, never runs backwards. */
  monotonicMs(): number;
  readonly after: After;
}

/** The clock of the node, with the timers of the runtime. */
export function systemStreamClock(monotonicMs: () => number): StreamClock {
  return { monotonicMs, after };
}
