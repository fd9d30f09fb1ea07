/** The worker of the program on Bun: an entry file of its own, also inside the compiled program. */

import { createRuntime } from "./runtime/bun.ts";
import { serveJobs } from "./runtime/worker_jobs.ts";

serveJobs(createRuntime(), {
  onMessage: (handler) =>
    globalThis.addEventListener("message", (event) => {
      if (event instanceof MessageEvent) handler(event.data);
    }),
  postMessage: (reply) => globalThis.postMessage(reply),
});
