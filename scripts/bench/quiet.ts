/** Waits until servers have done what they do behind the answers, such as purge and checkpoints. */

import { pause } from "../../test/harness/wait.ts";
import { processorUs } from "./processor_time.ts";

/** Quiet is who uses less than so much of a core, in so many seconds one after the other. */
const coreShareMax = 0.06;
const quietSeconds = 3;

/** Returns how many seconds it took; undefined when it was not quiet in time. */
export async function waitUntilQuiet(
  pids: readonly number[],
  withinSeconds: number,
): Promise<number | undefined> {
  const startMs = performance.now();
  let quietFor = 0;
  let before = processorUs(pids) ?? 0;
  while (performance.now() - startMs < withinSeconds * 1_000) {
    await pause(1_000);
    const now = processorUs(pids) ?? 0;
    quietFor = now - before < coreShareMax * 1_000_000 * pids.length ? quietFor + 1 : 0;
    before = now;
    if (quietFor >= quietSeconds) return Math.round((performance.now() - startMs) / 1_000);
  }
  return undefined;
}
