/// <reference lib="deno.worker" />
/** The worker of the program on Deno: an entry file of its own. */

import { createRuntime } from "./runtime/deno.ts";
import { serveJobs } from "./runtime/worker_jobs.ts";
import { ImageJobs } from "./storage/image_jobs.ts";

serveJobs(createRuntime(), { images: new ImageJobs() }, {
  onMessage: (handler) =>
    self.addEventListener("message", (event) => {
      if (event instanceof MessageEvent) handler(event.data);
    }),
  postMessage: (reply) => self.postMessage(reply),
});
