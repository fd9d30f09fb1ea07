/** What can go wrong between a client and a cluster. */

/** What became of a write: a promise (docs/ARCHITECTURE.md, "Outcomes"). */
export type Outcome = "not_applied" | "applied" | "unknown";

/** The cluster answered, and the answer is an error: a problem document (RFC 9457). */
export class AnswerError extends Error {
  override readonly name = "AnswerError";
  readonly status: number;
  /** For programs, e.g. `precondition_failed`; `http_502` where something else answered. */
  readonly code: string;
  /** Present on errors of writes. */
  readonly outcome: Outcome | undefined;
  /** Repeating the identical request can succeed and cannot apply it twice. */
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  /** The whole document. */
  readonly problem: Readonly<Record<string, unknown>>;
  /** As it came. */
  readonly body: Uint8Array;

  constructor(detail: string, facts: AnswerFacts) {
    super(detail);
    this.status = facts.status;
    this.code = facts.code;
    this.outcome = facts.outcome;
    this.retryable = facts.retryable;
    this.retryAfterMs = facts.retryAfterMs;
    this.problem = facts.problem;
    this.body = facts.body;
  }
}

/** What an {@link AnswerError} is made of. */
export interface AnswerFacts {
  readonly status: number;
  readonly code: string;
  readonly outcome: Outcome | undefined;
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly problem: Readonly<Record<string, unknown>>;
  readonly body: Uint8Array;
}

/** No endpoint gave an answer in time. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
  readonly code: "unreachable" | "timeout";
  /** Present on writes: `not_applied` only where the request cannot have left. */
  readonly outcome: Outcome | undefined;

  constructor(
    detail: string,
    facts: { readonly code: "unreachable" | "timeout"; readonly outcome: Outcome | undefined },
  ) {
    super(detail);
    this.code = facts.code;
    this.outcome = facts.outcome;
  }
}

export type ClientError = AnswerError | UnreachableError;
