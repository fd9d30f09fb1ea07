/** Section `backup`: backups that are made by themselves, and one to begin with. */

import { integer, text } from "./key.ts";

const path = { default: "", pattern: /^[^\0]*$/, allowed: "a path, or nothing" };

/** See the head of this file. */
export const backup = {
  dir: text(
    path,
    "A directory into which whoever leads saves a backup of the whole store now and then, the " +
      "same on all nodes, or one of its own on each; empty: none is made.",
  ),
  interval_ms: integer(
    { default: 86_400_000, min: 1_000, max: 31_557_600_000 },
    "A backup is made when the newest in backup.dir is so old; names of the future do not count.",
  ),
  keep_max: integer(
    { default: 7, min: 1, max: 100_000 },
    "So many of the newest backups of this cluster stay in backup.dir; what has another name is " +
      "never deleted.",
  ),
  restore_on_first_start: text(
    path,
    "A backup, or a directory whose newest one is taken, that a cluster restores when it has " +
      "just been born: once, and only while nothing was ever written to it. Until then nothing " +
      "is read or written, and /readyz fails. Whoever leads must find it: the same on all nodes, " +
      "and empty to begin with an empty store.",
  ),
};
