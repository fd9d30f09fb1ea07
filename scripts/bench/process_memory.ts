/** How much memory a process has, from /proc; Linux only. */

import { readFileSync } from "node:fs";

export interface ProcessMemory {
  /** What it holds in memory now, bytes. */
  readonly residentBytes: number;
  /** The most that it ever held. */
  readonly peakBytes: number;
}

/** Reads the text of /proc/PID/status. Throws where a line is missing. */
export function memoryOfStatus(status: string): ProcessMemory {
  return { residentBytes: bytesOf(status, "VmRSS"), peakBytes: bytesOf(status, "VmHWM") };
}

export function processMemory(pid: number): ProcessMemory {
  return memoryOfStatus(readFileSync(`/proc/${pid}/status`, "utf8"));
}

function bytesOf(status: string, name: string): number {
  const kib = new RegExp(`^${name}:\\s*([0-9]+) kB$`, "m").exec(status)?.[1];
  if (kib === undefined) throw new Error(`/proc/PID/status has no ${name}`);
  return Number(kib) * 1_024;
}
