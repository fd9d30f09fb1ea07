/** What apply refuses, as the error that clients see. */

import type { Rejected } from "../kv/result.ts";
import { ServiceError } from "./errors.ts";

/** This attempt has changed nothing; whether another one can succeed depends on why. */
export function rejectionError({ code, reason }: Rejected): ServiceError {
  // The words of the first answer are not remembered, only what it was.
  const told = reason === "" ? `this was refused as ${code} when it was first asked for` : reason;
  const sentence = told.charAt(0).toUpperCase() + told.slice(1);
  switch (code) {
    case "overloaded":
      return new ServiceError(code, sentence, {
        outcome: "not_applied",
        retryable: true,
        retryAfterMs: 10_000,
      });
    case "not_ready":
      return new ServiceError(code, sentence, {
        outcome: "not_applied",
        retryable: true,
        retryAfterMs: 1_000,
      });
    case "idempotency_expired":
      // Nobody remembers whether it was applied when it was first asked for.
      return new ServiceError(code, sentence, { outcome: "unknown" });
    default:
      return new ServiceError(code, sentence, { outcome: "not_applied" });
  }
}
