/** The node's clock in production. Web standards and setImmediate, the same on both runtimes. */

import type { Clock } from "../node/ports.ts";

export const systemClock: Clock = {
  monotonicMs: () => Math.floor(performance.now()),
  wallMs: () => Date.now(),
  every(intervalMs, run) {
    const timer = setInterval(run, intervalMs);
    return () => clearInterval(timer);
  },
  soon(run) {
    setImmediate(run);
  },
};
