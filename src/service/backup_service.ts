/**
 * Backups as clients ask for them: made one at a time, each for all who asked before it began, and
 * kept for a while.
 */

import type { Query } from "../kv/query.ts";
import type {
  BackupService,
  Header,
  KeptBackup,
  KvService,
  ReadOptions,
  RequestOptions,
  RestoreAnswer,
  RestoreRequest,
} from "./contract.ts";
import { ServiceError } from "./errors.ts";
import { clientGone, whenGone } from "./gone.ts";
import { KeptBackups, type RemovableBackup } from "./kept_backups.ts";
import { readFailed } from "./outcome_errors.ts";
import { noRoom, Restoring, type RestoringParts } from "./restoring.ts";
import type { StreamClock } from "./stream_clock.ts";
import { WakeUp } from "./wake_up.ts";

/**
 * How long to wait before another image of the store is tried, ms: each time twice as long, up to a
 * bound. Where there is no room for it, each attempt is a line in the log.
 */
const imageRetryMs = 500;
const imageRetryMsMax = 8_000;
/** For so long an image may fail to be made, ms. */
const imagePatienceMs = 60_000;

/** What the service stands on. */
export interface NodeBackupServiceParts extends RestoringParts {
  readonly kv: KvService;
  readonly clock: StreamClock;
  /**
   * Makes a backup of what is applied now, or later; undefined where that cannot be done now and
   * may succeed later. Rejects with the disk's own errors.
   */
  readonly makeBackup: () => Promise<RemovableBackup | undefined>;
  /** No image is made meanwhile. */
  readonly isRestoring: () => boolean;
}

/** BackupService over one node. */
export class NodeBackupService implements BackupService {
  readonly #parts: NodeBackupServiceParts;
  readonly #kept: KeptBackups;
  readonly #restoring: Restoring;
  /** What is being made: of no use for who asks from now on. */
  #running: Promise<unknown> | undefined;
  /** What will be made next, for all who ask meanwhile. */
  #queued: Promise<KeptBackup> | undefined;
  #isClosed = false;
  /** Wakes who waits to try again. */
  readonly #closing: WakeUp;

  constructor(parts: NodeBackupServiceParts) {
    this.#parts = parts;
    this.#closing = new WakeUp(parts.clock.after);
    this.#kept = new KeptBackups(parts.clock.after);
    this.#restoring = new Restoring(parts);
  }

  async make(options: ReadOptions): Promise<{ backup: KeptBackup; header: Header }> {
    const full = this.#parts.outOfSpace();
    if (full !== undefined) throw noRoom(full);
    // What is read does not matter: with its answer this node is as fresh as was asked for.
    const { header } = await this.#parts.kv.read(anyQuery, options);
    const backup = await unlessClientGone(options, this.#next());
    return { backup, header: { ...header, revision: backup.revision } };
  }

  kept(tag: string | undefined): KeptBackup | undefined {
    return this.#kept.find(tag);
  }

  async restore(
    request: RestoreRequest,
    options: RequestOptions,
  ): Promise<{ answer: RestoreAnswer; header: Header }> {
    const answer = await this.#restoring.restore(request, options);
    const header = this.#parts.kv.header();
    return { answer, header: { ...header, revision: answer.revision ?? header.revision } };
  }

  /** What is under way is not waited for. */
  close(): void {
    this.#isClosed = true;
    this.#closing.wake();
    this.#kept.close();
    this.#restoring.close();
  }

  /** One that begins after this call. */
  #next(): Promise<KeptBackup> {
    this.#queued ??= (this.#running ?? Promise.resolve()).then(() => {
      const made = this.#make();
      this.#running = made.catch(() => {});
      this.#queued = undefined;
      return made;
    });
    return this.#queued;
  }

  async #make(): Promise<KeptBackup> {
    const { clock, makeBackup, isRestoring, self } = this.#parts;
    const endMs = clock.monotonicMs() + imagePatienceMs;
    for (let retryMs = imageRetryMs;; retryMs = Math.min(2 * retryMs, imageRetryMsMax)) {
      if (this.#isClosed) throw readFailed("closing", self);
      const made = await makeBackup();
      if (made !== undefined) {
        const given = this.#kept.add(made);
        // Closed meanwhile: nobody would remove it.
        if (this.#isClosed) this.#kept.close();
        return given;
      }
      if (clock.monotonicMs() >= endMs) throw isRestoring() ? restoring() : noImage();
      await this.#closing.sleep(retryMs);
    }
  }
}

/** Asks for nothing. */
export const anyQuery: Query = { kind: "get", keys: [Uint8Array.of(0)], bytesMax: 0 };

function restoring(): ServiceError {
  return new ServiceError("not_ready", "The store is being restored from a backup", {
    retryable: true,
    retryAfterMs: 10_000,
  });
}

function noImage(): ServiceError {
  return new ServiceError(
    "overloaded",
    "An image of the store could not be made: the disk is full, or one is needed elsewhere",
    { retryable: true, retryAfterMs: 10_000 },
  );
}

/** What is made goes on for the others. */
function unlessClientGone<T>({ signal }: RequestOptions, made: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const forget = whenGone(signal, () => reject(clientGone()));
    made.then(resolve, reject).finally(forget);
  });
}
