/**
 * The one worker of the program, as those see it who have work for it: it is started by the first
 * work there is, and stays, because a database that it has open must stay open
 * (storage/image_work.ts). Should it die, what it was doing has failed, and the next work starts
 * another.
 */

import type { Runtime } from "./runtime/mod.ts";
import { WorkerJobs } from "./runtime/worker_jobs.ts";
import type { ImageJob, ImageOutcome, ImageWork } from "./storage/image_work.ts";

/** Work on images, done in the worker. */
export class WorkerImages implements ImageWork {
  readonly #runtime: Pick<Runtime, "spawnWorker">;
  #jobs: WorkerJobs | undefined;

  constructor(runtime: Pick<Runtime, "spawnWorker">) {
    this.#runtime = runtime;
  }

  run(job: ImageJob, done: (outcome: ImageOutcome) => void): void {
    const jobs = this.#jobs ??= new WorkerJobs(this.#runtime.spawnWorker());
    jobs.run("image", job).then(done, (error: unknown) => {
      if (this.#jobs === jobs) this.close();
      const reason = error instanceof Error ? error.message : String(error);
      done({ kind: "failed", code: undefined, reason });
    });
  }

  close(): void {
    const jobs = this.#jobs;
    this.#jobs = undefined;
    jobs?.close();
  }
}
