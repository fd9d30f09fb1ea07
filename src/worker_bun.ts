/** The worker of the program on Bun: an entry file of its own, also inside the compiled program. */

import { createRuntime } from "./runtime/bun.ts";
import { serveJobs } from "./runtime/worker_jobs.ts";
import { ImageJobs } from "./storage/image_jobs.ts";

serveJobs(createRuntime(), { images: new ImageJobs() }, {
  onMessage: (handler) =>
    globalThis.addEventListener("message", (event) => {
      if (event instanceof MessageEvent) handler(event.data);
    }),
  postMessage: (reply) => globalThis.postMessage(reply),
});
