/** Measures what a commit costs on a disk: an append of 300 bytes and an fdatasync. */

import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Of the rounds measured. */
export interface SyncTimes {
  readonly medianMs: number;
  readonly slowestMs: number;
}

/** Blocks the thread for `rounds` times what it measures; leaves nothing behind in `folder`. */
export function measureSync(
  { folder, rounds }: { readonly folder: string; readonly rounds: number },
): SyncTimes {
  const path = join(folder, ".skein-sync-probe");
  const file = openSync(path, "w");
  try {
    const block = new Uint8Array(300);
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const startedMs = performance.now();
      writeSync(file, block);
      fdatasyncSync(file);
      times.push(performance.now() - startedMs);
    }
    times.sort((a, b) => a - b);
    return { medianMs: times[rounds >> 1] ?? 0, slowestMs: times.at(-1) ?? 0 };
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}
