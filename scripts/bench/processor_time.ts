/** How much processor time processes have used, from /proc; Linux only. */

import { readFileSync } from "node:fs";

/** The kernel's unit in /proc/PID/stat (USER_HZ), 100 a second on every Linux that Bun runs on. */
const tickUs = 10_000;

/** User and system time of a line of /proc/PID/stat, microseconds. */
export function processorUsOfStat(stat: string): number {
  // The name in brackets may hold anything; fields 14 and 15 are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * tickUs;
}

/** All threads of all processes together; undefined where one cannot be read. */
export function processorUs(pids: readonly number[]): number | undefined {
  try {
    let sum = 0;
    for (const pid of pids) sum += processorUsOfStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
    return sum;
  } catch {
    return undefined;
  }
}
