/** Does the steps of image_work.ts, one at a time, where it stands: in a worker or on the loop. */

import { createHash, type Hash } from "node:crypto";
import { assertDefined } from "../lib/assert.ts";
import {
  errorCode,
  errorText,
  nodeFiles,
  type OpenFile,
  openToRead,
  type ReadFile,
} from "./directory/files.ts";
import { type ImageJob, type ImageOutcome, pageBytes } from "./image_work.ts";

/** What is read at once. */
const blockBytes = 512 * 1024;

/** A copy, or a check, that is under way. */
interface Pass {
  readonly from: ReadFile;
  readonly to: OpenFile | undefined;
  /** What `end` syncs. */
  readonly made: OpenFile;
  /** Only the pass reads it. */
  readonly own: ReadFile | undefined;
  readonly hash: Hash;
  readonly bytes: number;
  at: number;
}

/** See the head of image_work.ts. */
export class ImageJobs {
  readonly #passes = new Map<number, Pass>();
  readonly #sources = new Map<string, ReadFile>();
  /** One for all: thousands of them would wait for the garbage collector. */
  readonly #block = new Uint8Array(blockBytes);

  run(job: ImageJob): ImageOutcome {
    try {
      return this.#run(job);
    } catch (error) {
      if ("pass" in job) this.#drop(job.pass);
      return { kind: "failed", code: errorCode(error), reason: errorText(error) };
    }
  }

  #run(job: ImageJob): ImageOutcome {
    switch (job.kind) {
      case "copy": {
        const from = this.#source(job.from);
        const to = nodeFiles.open(job.to, "existing");
        this.#begin(job, { from, to, made: to, own: undefined });
        return done;
      }
      case "read": {
        const made = nodeFiles.open(job.from, "existing");
        const from = openToRead(job.from);
        this.#begin(job, { from, to: undefined, made, own: from });
        return done;
      }
      case "next":
        this.#next(this.#pass(job.pass), job);
        return done;
      case "end": {
        const { made, hash } = this.#pass(job.pass);
        made.sync();
        this.#drop(job.pass);
        return { kind: "digest", digest: new Uint8Array(hash.digest()) };
      }
      case "drop":
        this.#drop(job.pass);
        return done;
      case "sync":
        syncFile(job.path);
        return done;
      case "forget":
        this.#sources.get(job.from)?.close();
        this.#sources.delete(job.from);
        return done;
    }
  }

  #begin(
    { pass, bytes }: { readonly pass: number; readonly bytes: number },
    files: Pick<Pass, "from" | "to" | "made" | "own">,
  ): void {
    this.#passes.set(pass, { ...files, hash: createHash("sha256"), bytes, at: 0 });
  }

  #pass(pass: number): Pass {
    return assertDefined(this.#passes.get(pass), `Pass ${pass} is under way`);
  }

  #source(path: string): ReadFile {
    const source = this.#sources.get(path) ?? openToRead(path);
    this.#sources.set(path, source);
    return source;
  }

  #next(
    pass: Pass,
    { bytes, kept }: { readonly bytes: number; readonly kept: readonly number[] },
  ): void {
    const end = Math.min(pass.bytes, pass.at + bytes);
    const places = [...kept].sort((a, b) => a - b);
    let next = 0;
    while (pass.at < end) {
      const block = this.#block.subarray(0, Math.min(blockBytes, end - pass.at));
      readWhole(pass.from, pass.at, block);
      for (; next < places.length && places[next]! < pass.at + block.length; next++) {
        const place = places[next]!;
        if (pass.to === undefined) continue;
        block.set(pass.to.read(place, pageBytes), place - pass.at);
      }
      pass.hash.update(block);
      pass.to?.write(block, pass.at);
      pass.at += block.length;
    }
    // A little at a time: what waits to be written would hold up the syncs of the log.
    pass.to?.sync();
  }

  #drop(pass: number): void {
    const dropped = this.#passes.get(pass);
    this.#passes.delete(pass);
    dropped?.own?.close();
    dropped?.made.close();
  }
}

const done: ImageOutcome = { kind: "done" };

function readWhole(file: ReadFile, position: number, bytes: Uint8Array): void {
  const length = file.readInto(position, bytes);
  if (length < bytes.length) throw new Error(`The file ends at byte ${position + length}`);
}

function syncFile(path: string): void {
  const file = nodeFiles.open(path, "existing");
  try {
    file.sync();
  } finally {
    file.close();
  }
}
