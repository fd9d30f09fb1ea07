/**
 * What is known of a write while it is sent again and again: whether one of its attempts may have
 * been applied although nobody said so. Under its key it can be applied once only, so that there
 * is no harm in another attempt; but who gives up must not say that it was not applied, because the
 * last node that was asked refused it.
 */

import { AnswerError, type ClientError, UnreachableError } from "./errors.ts";
import { passingStatus } from "./problem.ts";
import { noTimeLeft } from "./silence.ts";

/**
 * Answers are remembered for 10 minutes. Half of that leaves room for attempts that are late on
 * their way, and for clocks of another pace.
 */
const repeatMsMax = 300_000;

/**
 * Refusals that stand for all attempts: decided where the write would have been applied, and
 * remembered under its key. Any other one may come from the door of a node that knows nothing of
 * an attempt before.
 */
const decidedCodes: ReadonlySet<string> = new Set([
  ...["key_not_found", "lease_not_found", "conflict", "lease_full", "value_type_mismatch"],
  ...["precondition_failed", "duplicate_key", "idempotency_mismatch", "would_lose_quorum"],
]);

/** One write that may be sent again. */
export class Doubt {
  #open: ClientError | undefined;
  #repeatUntilMs = Infinity;

  /** Until when it may be sent again, by `performance.now()`. */
  get repeatUntilMs(): number {
    return this.#repeatUntilMs;
  }

  /** An attempt that was sent then may have been applied. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Nobody answered an attempt that has left. */
  lost(error: UnreachableError, sentMs: number): void {
    this.#leaveOpen(error, sentMs);
  }

  /** True where the write should be sent again after this refusal. */
  refused(error: AnswerError, sentMs: number): boolean {
    if (error.outcome !== "unknown") return error.retryable;
    this.#leaveOpen(error, sentMs);
    return error.retryable || passingStatus.has(error.status);
  }

  /** What to tell of the whole write, when `last` is what its last attempt came to. */
  told(last: ClientError): ClientError {
    const open = this.#open;
    const isKnown = open === undefined || last.outcome === "applied" ||
      (last instanceof AnswerError && decidedCodes.has(last.code));
    if (isKnown || last.outcome === "unknown") return last;
    const isAskedAgain = last.message !== noTimeLeft;
    const detail = isAskedAgain ? `${open.message}; asked again: ${last.message}` : open.message;
    return open instanceof AnswerError
      ? new AnswerError(detail, open)
      : new UnreachableError(detail, open);
  }

  #leaveOpen(error: ClientError, sentMs: number): void {
    if (this.#open !== undefined) return;
    this.#open = error;
    this.#repeatUntilMs = sentMs + repeatMsMax;
  }
}
