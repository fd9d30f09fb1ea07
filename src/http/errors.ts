/** Every refusal as a problem document (RFC 9457), the router's and validation's included. */

import { errorFacts, type Outcome, ServiceError } from "../service/errors.ts";
import type { Call } from "./call.ts";
import { jsonAnswer } from "./answer.ts";
import { problemMediaType } from "./media_type.ts";

/** Retry-After where the service names no time. */
const retryAfterDefaultMs = 1000;

/** What the client sees of `error`. */
export function problemResponse(call: Call, error: unknown): Response {
  const known = error instanceof ServiceError ? error : internal(call, error);
  const outcome = call.isWrite ? known.outcome ?? call.outcome : undefined;
  const document = problemDocument(known, outcome);
  const { status } = document;
  // It would invite clients to repeat a write that was or may have been applied: `retryable` is one
  // that cannot be applied twice.
  const mayRepeat = outcome === undefined || outcome === "not_applied" || known.retryable;
  if ((status === 423 || status === 429 || status === 503) && mayRepeat) {
    const afterMs = known.retryAfterMs ?? retryAfterDefaultMs;
    call.extraHeaders["Retry-After"] = String(Math.max(1, Math.ceil(afterMs / 1000)));
  }
  return jsonAnswer(call, status, document, problemMediaType);
}

/** The members of a problem document. */
export interface ProblemJson {
  readonly [member: string]: unknown;
  readonly status: number;
}

/** `error` as a document; `outcome` stands in those of writes alone. */
export function problemDocument(error: ServiceError, outcome: Outcome | undefined): ProblemJson {
  const { code, message, retryable, issues, extra } = error;
  const { status, title } = errorFacts(code);
  return {
    type: `urn:skein:problem:${code}`,
    title,
    status,
    detail: message,
    code,
    ...(outcome === undefined ? {} : { outcome }),
    retryable,
    ...(issues.length === 0 ? {} : { issues }),
    ...extra,
  };
}

function internal(call: Call, error: unknown): ServiceError {
  call.services.onInternalError(error, call.requestId);
  return new ServiceError(
    "internal",
    `The request failed inside the server, whose log tells why under ${call.requestId}`,
  );
}
