/** The files that this process has open, on Linux. */

import { readdirSync, readlinkSync } from "node:fs";

/** Their paths, of the moment. */
export function openFiles(): readonly string[] {
  return readdirSync("/proc/self/fd").flatMap((name) => {
    try {
      return [readlinkSync(`/proc/self/fd/${name}`)];
    } catch {
      return []; // The one of the listing.
    }
  });
}
