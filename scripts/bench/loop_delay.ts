/**
 * How long the event loop of a process stands still: this file is loaded into the process before
 * its program, and writes the longest delay of every tenth of a second to a file that is named
 * after the process.
 */

import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { memoryFolder } from "../memory_folder.ts";

const everyMs = 1;
const tellEveryMs = 100;

/** Where a process tells it: in memory, where that is possible, so that it waits for no disk. */
export function loopDelayPath(pid: number): string {
  return join(memoryFolder() ?? tmpdir(), `skein-loop-delay-${pid}`);
}

/** The longest delay of a process since `sinceMs` (wall clock), ms. */
export function longestLoopDelay(pid: number, sinceMs: number): number {
  const path = loopDelayPath(pid);
  if (!existsSync(path)) throw new Error(`${path} is not there: nobody measures that process`);
  const lines = readFileSync(path, "utf8").trimEnd().split("\n").map((line) => line.split(" "));
  const delays = lines.filter(([atMs]) => Number(atMs) >= sinceMs).map(([, ms]) => Number(ms));
  return Math.max(0, ...delays);
}

/** Measures this process from now on. */
export function measureLoopDelay(): void {
  const path = loopDelayPath(process.pid);
  let lastMs = performance.now();
  let toldMs = lastMs;
  let longestMs = 0;
  const look = (): void => {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs - everyMs);
    lastMs = nowMs;
    if (nowMs - toldMs < tellEveryMs) return;
    appendFileSync(path, `${Date.now()} ${longestMs.toFixed(1)}\n`);
    toldMs = nowMs;
    longestMs = 0;
  };
  setInterval(look, everyMs).unref();
}
