/** Every refusal as a problem document (RFC 9457), the router's and validation's included. */

import { errorFacts, ServiceError } from "../service/errors.ts";
import type { Call } from "./call.ts";
import { jsonAnswer } from "./answer.ts";
import { problemMediaType } from "./media_type.ts";

/** Retry-After where the service names no time. */
const retryAfterDefaultMs = 1000;

/** What the client sees of `error`. */
export function problemResponse(call: Call, error: unknown): Response {
  const known = error instanceof ServiceError ? error : internal(call, error);
  const { status, title } = errorFacts(known.code);
  const outcome = call.isWrite ? known.outcome ?? call.outcome : undefined;
  // It would invite clients to repeat a write that was or may have been applied.
  const mayRepeat = outcome === undefined || outcome === "not_applied";
  if ((status === 429 || status === 503) && mayRepeat) {
    const afterMs = known.retryAfterMs ?? retryAfterDefaultMs;
    call.extraHeaders["Retry-After"] = String(Math.max(1, Math.ceil(afterMs / 1000)));
  }
  const document = {
    type: `urn:skein:problem:${known.code}`,
    title,
    status,
    detail: known.message,
    code: known.code,
    ...(outcome === undefined ? {} : { outcome }),
    retryable: known.retryable,
    ...(known.issues.length === 0 ? {} : { issues: known.issues }),
    ...known.extra,
  };
  return jsonAnswer(call, status, document, problemMediaType);
}

function internal(call: Call, error: unknown): ServiceError {
  call.services.onInternalError(error, call.requestId);
  return new ServiceError(
    "internal",
    `The request failed inside the server, whose log tells why under ${call.requestId}`,
  );
}
