/** Where files live in memory: what waits for a disk there waits for nothing. */

import { accessSync, constants, statfsSync } from "node:fs";

/** Linux has it; other systems have none without a name of its own. */
const folder = "/dev/shm";

/** Far more than the tests of a folder leave and hold at a time. Containers often give 64 MiB. */
const freeBytesMin = 4 * 1024 ** 3;

/** A folder in memory with room for the files of tests; undefined where there is none. */
export function memoryFolder(): string | undefined {
  try {
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= freeBytesMin ? folder : undefined;
  } catch {
    return undefined;
  }
}
