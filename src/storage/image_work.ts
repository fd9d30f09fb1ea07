/**
 * The long work on files of images, as a port: copying kv.db, hashing what was received, syncing.
 * It is asked for in small steps, so that whoever asks sets the pace and can stop, and done in a
 * worker, or on the event loop where there is none. Steps are done in the order they are asked for.
 *
 * A database of this process must not be closed under SQLite: POSIX takes all locks of a process on
 * a file away with the first of its descriptors that is closed. So a source, once opened, stays
 * open until `forget`, which is to be called when the connection is closed.
 */

import type { Clock } from "../node/ports.ts";

/** One step. `pass` is a number that whoever asks has chosen for a whole copy or check. */
export type ImageJob =
  /** Begins to copy the first `bytes` of a source into a file that is there. */
  | {
    readonly kind: "copy";
    readonly pass: number;
    readonly from: string;
    readonly to: string;
    readonly bytes: number;
  }
  /** Begins to read the first `bytes` of a file, for its digest. */
  | { readonly kind: "read"; readonly pass: number; readonly from: string; readonly bytes: number }
  /**
   * Goes on for so many bytes; what a copy has made of them is synced. `kept`: where pages of this
   * part begin that stand in the copy already, and are not to be taken from the source.
   */
  | {
    readonly kind: "next";
    readonly pass: number;
    readonly bytes: number;
    readonly kept: readonly number[];
  }
  /** Everything was read: syncs the file that was made, or read, and tells the digest. */
  | { readonly kind: "end"; readonly pass: number }
  /** Ends it early. A copy stays where it is, in part. */
  | { readonly kind: "drop"; readonly pass: number }
  /** Makes durable what was written to a file so far. */
  | { readonly kind: "sync"; readonly path: string }
  /** The source may be closed. */
  | { readonly kind: "forget"; readonly from: string };

/** What came of a step. */
export type ImageOutcome =
  | { readonly kind: "done" }
  /** SHA-256 of what was copied or read. */
  | { readonly kind: "digest"; readonly digest: Uint8Array }
  /** `code`: of `node:fs`, such as "ENOSPC". The pass is over. */
  | { readonly kind: "failed"; readonly code: string | undefined; readonly reason: string };

/** Does the steps. */
export interface ImageWork {
  run(job: ImageJob, done: (outcome: ImageOutcome) => void): void;
}

/** The size of a page of kv.db: what `kept` counts in. SQLite's own choice. */
export const pageBytes = 4_096;

/** Does the steps on the event loop, one after the other, with what waits between them. */
export function workOnLoop(
  jobs: { run(job: ImageJob): ImageOutcome },
  clock: Pick<Clock, "soon">,
): ImageWork {
  return { run: (job, done) => clock.soon(() => done(jobs.run(job))) };
}
