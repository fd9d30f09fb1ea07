/** Ends a process in order and lets its exit code be seen. */

import type { ChildProcess } from "node:child_process";
import process from "node:process";

/**
 * By process id: after `child.kill`, Deno 2.9.3 reports the signal as the way the process ended,
 * although it caught it and ended with a code.
 */
export function terminate(child: ChildProcess, signal: "SIGTERM" | "SIGINT" = "SIGTERM"): void {
  if (child.pid !== undefined) process.kill(child.pid, signal);
}
