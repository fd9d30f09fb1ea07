/**
 * Writes in their order, each tried again while the disk is full. A full disk is not an error as
 * long as the attempt left nothing behind: to the core it is a slow disk, and it heals by itself.
 */

import { Queue } from "../lib/queue.ts";
import { type Clock, FatalStorageError } from "../node/ports.ts";
import type { LogWrite } from "../raft/ready.ts";

/** How long a full disk is left alone before the next attempt. */
export const diskFullRetryMs = 500;

/** How one write is made durable, and when it is tried again. */
export interface WriteRetryOptions {
  /**
   * Makes one write durable. False: the disk is full and nothing of the write is left behind.
   * Throws {@link FatalStorageError} for every other failure.
   */
  readonly commit: (write: LogWrite) => boolean;
  readonly clock: Pick<Clock, "every">;
  /** A later attempt failed for good; a first attempt throws instead. */
  readonly onFatal: (error: FatalStorageError) => void;
}

interface Waiting {
  readonly write: LogWrite;
  readonly done: () => void;
}

/** The writes of one engine. */
export class WriteRetry {
  readonly #options: WriteRetryOptions;
  readonly #waiting = new Queue<Waiting>();
  #stopRetrying: (() => void) | undefined;
  #failure: FatalStorageError | undefined;

  constructor(options: WriteRetryOptions) {
    this.#options = options;
  }

  /** True while writes wait for room on the disk. */
  get isFull(): boolean {
    return this.#waiting.length > 0;
  }

  /** Throws {@link FatalStorageError}, also for every write after one that failed. */
  persist(write: LogWrite, done: () => void): void {
    if (!this.isFull && this.#commit(write)) {
      done();
      return;
    }
    this.#waiting.push({ write, done });
    this.#stopRetrying ??= this.#options.clock.every(diskFullRetryMs, () => this.#retry());
  }

  /** Forgets what waits: the process is about to end. */
  close(): void {
    this.#waiting.clear();
    this.#stopRetrying?.();
    this.#stopRetrying = undefined;
  }

  #commit(write: LogWrite): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return this.#options.commit(write);
    } catch (error) {
      if (error instanceof FatalStorageError) this.#failure = error;
      throw error;
    }
  }

  #retry(): void {
    try {
      for (let next = this.#waiting.peek(); next !== undefined; next = this.#waiting.peek()) {
        if (!this.#commit(next.write)) return;
        this.#waiting.shift();
        next.done();
      }
    } catch (error) {
      if (!(error instanceof FatalStorageError)) throw error;
      this.close();
      this.#options.onFatal(error);
      return;
    }
    this.close();
  }
}
