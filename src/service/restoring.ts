/**
 * Restoring a backup through this node: it is received to a file and looked through to its last
 * byte before anybody else hears of it; then its blocks are proposed, wherever the leader is. All
 * of its commands may be given twice, so that an answer that is lost does no harm.
 */

import { BackupFlawError, type Sha256 } from "../kv/backup/reader.ts";
import type { RestoreId, RestoreOperation } from "../kv/restore_command.ts";
import type { Restore } from "../kv/restores.ts";
import { equalBytes, hex } from "../lib/bytes.ts";
import type { NodeId } from "../raft/types.ts";
import type {
  KvService,
  RequestOptions,
  RestoreAnswer,
  RestoreRequest,
  Revision,
} from "./contract.ts";
import { ServiceError } from "./errors.ts";
import { clientGone } from "./gone.ts";
import { readFailed } from "./outcome_errors.ts";
import { rejectionError } from "./rejection.ts";
import type { StreamClock } from "./stream_clock.ts";
import { type ReceivedBackup, stagedCommands, UploadReader } from "./upload_reader.ts";

/** How often is looked how far a restore has come, ms. */
const lookEveryMs = 50;
/** One attempt at a command; after it, another one. */
const attemptMsMax = 5_000;
const retryAfterMs = 100;

/** A file that is this restore's own. */
export interface HeldUpload {
  write(bytes: Uint8Array, position: number): void;
  read(position: number, length: number): Uint8Array;
  /** Idempotent. */
  remove(): void;
}

/** What it stands on. */
export interface RestoringParts {
  readonly kv: Pick<KvService, "write">;
  readonly self: NodeId;
  readonly clock: StreamClock;
  /** Resolves after the events that wait now. */
  readonly rest: () => Promise<void>;
  readonly newSha256: () => Sha256;
  /** Throws what the disk throws. */
  readonly holdFile: () => HeldUpload;
  /** Undefined, or why there is no room on the disk. */
  readonly outOfSpace: () => string | undefined;
  /** Sixteen hexadecimal digits that were never drawn before. */
  readonly drawId: () => string;
  /** As this node has applied it. */
  readonly store: {
    readonly restore: Restore | undefined;
    status(): { readonly liveKeys: number; readonly leases: number };
  };
  readonly limits: { readonly restoreBytesMax: number };
}

/** One restore at a time through this node. */
export class Restoring {
  readonly #parts: RestoringParts;
  #isBusy = false;
  #isClosed = false;

  constructor(parts: RestoringParts) {
    this.#parts = parts;
  }

  async restore(request: RestoreRequest, options: RequestOptions): Promise<RestoreAnswer> {
    if (this.#isBusy) {
      throw new ServiceError("overloaded", "Another backup is being received by this node", {
        outcome: "not_applied",
        retryable: true,
        retryAfterMs: 10_000,
      });
    }
    if (!request.verifyOnly && request.over !== "any") this.#requireEmpty();
    this.#isBusy = true;
    try {
      return await this.#restore(request, options);
    } finally {
      this.#isBusy = false;
    }
  }

  /** Apply decides it; here, so that nobody sends a long file in vain. */
  #requireEmpty(): void {
    const { liveKeys, leases } = this.#parts.store.status();
    if (liveKeys === 0 && leases === 0) return;
    const held = `The store holds ${liveKeys} keys and ${leases} leases`;
    throw new ServiceError("conflict", `${held}, which only replace=true gives up`, {
      outcome: "not_applied",
    });
  }

  /** What is under way ends at its next step. */
  close(): void {
    this.#isClosed = true;
  }

  async #restore(request: RestoreRequest, options: RequestOptions): Promise<RestoreAnswer> {
    const file = this.#parts.holdFile();
    try {
      const received = await this.#receive(request, file);
      const { backup } = received;
      if (request.verifyOnly) return { backup, revision: undefined };
      return { backup, revision: await this.#propose(received, file, request, options) };
    } finally {
      file.remove();
    }
  }

  /** Whole and right, or an error that says what is wrong with it. */
  async #receive(request: RestoreRequest, file: HeldUpload): Promise<ReceivedBackup> {
    const { newSha256, rest, outOfSpace, limits: { restoreBytesMax } } = this.#parts;
    const reader = new UploadReader(newSha256);
    let bytes = 0;
    try {
      for await (const piece of request.pieces) {
        if (this.#isClosed) throw readFailed("closing", this.#parts.self);
        if (bytes + piece.length > restoreBytesMax) {
          const detail = `The backup has more than ${restoreBytesMax} bytes`;
          throw new ServiceError("request_too_large", detail, { outcome: "not_applied" });
        }
        const full = outOfSpace();
        if (full !== undefined) throw noRoom(full);
        file.write(piece, bytes);
        bytes += piece.length;
        await reader.read(piece, rest);
      }
      const received = reader.finish();
      requireDigest(request.sha256, received.backup.sha256);
      return received;
    } catch (error) {
      throw error instanceof BackupFlawError ? damaged(error) : notApplied(error);
    }
  }

  /** Returns the revision that the store has then. */
  async #propose(
    received: ReceivedBackup,
    file: HeldUpload,
    { over, above }: RestoreRequest,
    options: RequestOptions,
  ): Promise<Revision> {
    const id = this.#parts.drawId();
    const { begin } = received;
    try {
      await this.#command({ ...begin, id, over, above }, options);
      for (const operation of stagedCommands(file, received, id)) {
        if (options.signal?.aborted === true) throw clientGone("not_applied");
        await this.#command(operation, options);
      }
    } catch (error) {
      // Whoever leads gives it up as well, when nothing comes for long.
      await this.#abort(id, options);
      throw notApplied(error);
    }
    try {
      await this.#command({ kind: "commitRestore", id }, options);
    } catch (error) {
      // Its blocks are of no use where somebody has written meanwhile.
      const isRefused = error instanceof ServiceError && error.outcome === "not_applied";
      if (isRefused) await this.#abort(id, options);
      throw error;
    }
    return await this.#untilDone(id, options);
  }

  async #abort(id: RestoreId, options: RequestOptions): Promise<void> {
    await this.#attempt({ kind: "abortRestore", id }, options).catch(() => {});
  }

  /** Again and again, until it is done or refused for good, or nothing comes of it for long. */
  async #command(operation: RestoreOperation, options: RequestOptions): Promise<void> {
    const { clock } = this.#parts;
    const endMs = clock.monotonicMs() + options.timeoutMs;
    for (;;) {
      try {
        return await this.#attempt(operation, options);
      } catch (error) {
        const mayHelp = error instanceof ServiceError &&
          (error.retryable || error.outcome === "unknown");
        if (!mayHelp || clock.monotonicMs() >= endMs || this.#isClosed) throw error;
        await new Promise<void>((resolve) => clock.after(retryAfterMs, resolve));
      }
    }
  }

  async #attempt(operation: RestoreOperation, options: RequestOptions): Promise<void> {
    const timeoutMs = Math.min(options.timeoutMs, attemptMsMax);
    const { requestId } = options;
    const { result } = await this.#parts.kv.write(operation, { timeoutMs, requestId });
    if (result.kind === "rejected") throw rejectionError(result);
  }

  async #untilDone(id: string, options: RequestOptions): Promise<Revision> {
    const { clock, store } = this.#parts;
    let seen = "";
    let endMs = 0;
    let target = 0;
    for (;;) {
      const { restore } = store;
      // Another one has begun since: this one has ended.
      if (restore !== undefined && restore.id !== id && target > 0) return target;
      if (restore?.id === id) {
        if (restore.phase === "done") return restore.target;
        target = restore.target;
      }
      const standing = restore === undefined ? "" : standingOf(restore);
      const nowMs = clock.monotonicMs();
      if (standing !== seen || endMs === 0) endMs = nowMs + options.timeoutMs;
      seen = standing;
      if (nowMs >= endMs || this.#isClosed) throw stillRestoring();
      await new Promise<void>((resolve) => clock.after(lookEveryMs, resolve));
    }
  }
}

/** The disk has less room than the node wants to keep. */
export function noRoom(why: string): ServiceError {
  return new ServiceError("out_of_space", why, { retryable: true, retryAfterMs: 5_000 });
}

function standingOf({ phase, next, startedLease }: Restore): string {
  return `${phase} ${next} ${hex(startedLease)}`;
}

function requireDigest(expected: Uint8Array | undefined, found: Uint8Array): void {
  if (expected === undefined || equalBytes(expected, found)) return;
  throw new ServiceError(
    "bad_request",
    `SHA-256 of the backup was told as ${hex(expected)}, what came has ${hex(found)}`,
    { outcome: "not_applied" },
  );
}

function damaged(flaw: BackupFlawError): ServiceError {
  const message = `The backup ${flaw.message}`;
  return new ServiceError("validation_failed", message, {
    outcome: "not_applied",
    issues: [{ path: "body", message }],
  });
}

/** Before its commit nothing of it counts. */
function notApplied(error: unknown): unknown {
  if (!(error instanceof ServiceError) || error.outcome === "not_applied") return error;
  const { code, message, retryable, retryAfterMs: afterMs, issues, extra } = error;
  const after = afterMs === undefined ? {} : { retryAfterMs: afterMs };
  return new ServiceError(code, message, {
    ...{ outcome: "not_applied", retryable, issues, extra },
    ...after,
  });
}

function stillRestoring(): ServiceError {
  return new ServiceError(
    "timeout",
    "The backup is being restored, and goes on with that; /readyz tells when it is there",
    { outcome: "applied" },
  );
}
