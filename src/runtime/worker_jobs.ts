/**
 * Work that would hold up the event loop runs in the one worker of the program, asked for by name.
 * This file is both ends of that conversation; worker_bun.ts and worker_deno.ts are the worker.
 */

import type { Runtime, RuntimeWorker } from "./mod.ts";
import type { ImageJob, ImageOutcome } from "../storage/image_work.ts";
import { measureSync, type SyncTimes } from "./sync_probe.ts";

/** What the worker can do: input and output of each job, both structured-cloneable. */
interface Jobs {
  /** Which runtime and SQLite the worker itself runs on. */
  readonly describe: { readonly input: null; readonly output: WorkerDescription };
  /** How long this disk takes to make a small append durable. */
  readonly measureSync: {
    readonly input: { readonly folder: string; readonly rounds: number };
    readonly output: SyncTimes;
  };
  /** One step of the work on a file of an image. */
  readonly image: { readonly input: ImageJob; readonly output: ImageOutcome };
}

/** What the worker is made of besides its runtime. */
export interface WorkerParts {
  readonly images: { run(job: ImageJob): ImageOutcome };
}

/** What the worker says of itself. */
export interface WorkerDescription {
  readonly runtime: string;
  readonly runtimeVersion: string;
  readonly sqlite: string;
}

export type JobName = keyof Jobs;

type JobRequest = {
  readonly [Name in JobName]: {
    readonly id: number;
    readonly job: Name;
    readonly input: Jobs[Name]["input"];
  };
}[JobName];

type JobReply =
  | { readonly id: number; readonly output: unknown }
  | { readonly id: number; readonly error: string };

/** The worker's end: answers every message that `port` brings. */
export function serveJobs(runtime: Runtime, parts: WorkerParts, port: {
  onMessage(handler: (message: JobRequest) => void): void;
  postMessage(reply: JobReply): void;
}): void {
  port.onMessage((request) => {
    try {
      port.postMessage({ id: request.id, output: runJob(runtime, parts, request) });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      port.postMessage({ id: request.id, error: reason });
    }
  });
}

function runJob(
  runtime: Runtime,
  { images }: WorkerParts,
  request: JobRequest,
): Jobs[JobName]["output"] {
  switch (request.job) {
    case "describe":
      return {
        runtime: runtime.name,
        runtimeVersion: runtime.version,
        sqlite: runtime.sqliteVersion,
      };
    case "measureSync":
      return measureSync(request.input);
    case "image":
      return images.run(request.input);
  }
}

/** The program's end. A worker that dies fails every job that is waiting. */
export class WorkerJobs {
  readonly #worker: RuntimeWorker;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  constructor(worker: RuntimeWorker) {
    this.#worker = worker;
    worker.onMessage((message) => this.#settle(message as JobReply));
    worker.onError((error) => this.#failAll(error));
  }

  async run<Name extends JobName>(
    job: Name,
    input: Jobs[Name]["input"],
  ): Promise<Jobs[Name]["output"]> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    this.#worker.postMessage({ id, job, input });
    return await answer.promise as Jobs[Name]["output"];
  }

  close(): void {
    this.#worker.terminate();
    this.#failAll(new Error("The worker was closed"));
  }

  #settle(reply: JobReply): void {
    const answer = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ("error" in reply) answer?.reject(new Error(reply.error));
    else answer?.resolve(reply.output);
  }

  #failAll(error: Error): void {
    for (const answer of this.#waiting.values()) answer.reject(error);
    this.#waiting.clear();
  }
}
