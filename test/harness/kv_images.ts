/** How tests let kv.db make and take images. */

import { join } from "node:path";
import { systemClock } from "../../src/runtime/system_clock.ts";
import { nodeFiles } from "../../src/storage/directory/files.ts";
import { ImageJobs } from "../../src/storage/image_jobs.ts";
import { workOnLoop } from "../../src/storage/image_work.ts";
import type { KvImageOptions } from "../../src/storage/sqlite/kv_image_folder.ts";

/** Beside a kv.db in `directory`, and on the event loop. */
export function imagesIn(directory: string, more: Partial<KvImageOptions> = {}): KvImageOptions {
  return {
    directory: join(directory, "snapshots"),
    files: nodeFiles,
    clock: systemClock,
    work: workOnLoop(new ImageJobs(), systemClock),
    ...{ freeBytes: () => Infinity, spaceLowBytes: 0 },
    onProblem: () => {},
    onFatal: (error) => {
      throw error;
    },
    ...more,
  };
}
