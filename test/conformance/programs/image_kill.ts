/**
 * Receives an image, adopts it, and ends itself with SIGKILL before operation N on a file or a
 * database: `image_kill.ts DIRECTORY N`. The image lies beside the directory: `image` and `meta`.
 * Says "staged" and "adopted" when it has come so far, and "over" when that was before operation N.
 */

import { readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { KvStateMachine } from "../../../src/kv/state_machine.ts";
import { systemClock } from "../../../src/runtime/system_clock.ts";
import { nodeFiles } from "../../../src/storage/directory/files.ts";
import { ImageJobs } from "../../../src/storage/image_jobs.ts";
import { workOnLoop } from "../../../src/storage/image_work.ts";
import { decodeSnapshotMeta } from "../../../src/storage/snapshot_meta.ts";
import { imagesIn } from "../../harness/kv_images.ts";
import { hookedFiles } from "../disk_model_files.ts";
import { writeRest } from "../image_place.ts";
import { openSqliteTables, runtime } from "../state_machine_places.ts";

const [directory, killAt] = process.argv.slice(2);
if (directory === undefined) throw new Error("image_kill DIRECTORY N");
let operations = 0;

/** Called before each operation. */
function operation(): void {
  if (operations++ === Number(killAt)) process.kill(process.pid, "SIGKILL");
}

/** At once: nothing that was said may be lost with the process. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

const jobs = new ImageJobs();
const tables = openSqliteTables(directory, 1, {
  openSqlite: (path, options) => {
    operation();
    const database = runtime.openSqlite(path, options);
    return {
      exec: (sql) => database.exec(sql),
      prepare: (sql) => database.prepare(sql),
      close: () => {
        operation();
        database.close();
        operation();
      },
    };
  },
  images: imagesIn(directory, {
    files: hookedFiles(nodeFiles, { operation, isFull: () => false }),
    work: workOnLoop({
      run: (job) => {
        operation();
        return jobs.run(job);
      },
    }, systemClock),
  }),
});
const machine = new KvStateMachine({ tables });
const meta = decodeSnapshotMeta(readFileSync(join(directory, "..", "meta")));
const bytes = readFileSync(join(directory, "..", "image"));
const stage = machine.stage(meta);
writeRest(stage, { meta, bytes });
stage.finish((outcome) => {
  say(outcome);
  machine.adopt();
  say("adopted");
  operation();
  say("over");
  process.exit(0);
});
