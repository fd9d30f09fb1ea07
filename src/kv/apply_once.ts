/** What carries an idempotency key is applied once, however often it is asked for. */

import type { ChangeTimes } from "./change.ts";
import type { Command, Idempotency } from "./command.ts";
import { applyOperation } from "./operations.ts";
import { rejected } from "./rejected.ts";
import { answerToKeep, isKept, keptAnswer } from "./remembered.ts";
import type { Result } from "./result.ts";
import type { Store } from "./store.ts";

/** Answers that one command forgets, about, so that none has to forget many at once. */
const answersForgottenMax = 16;

/** A request that was applied before gets the answer that it was given then. */
export function applyOnce(
  store: Store,
  operation: Command["operation"],
  idempotency: Idempotency,
  times: ChangeTimes,
): Result {
  store.answers.forgetDue(times.timeMs, answersForgottenMax);
  const recalled = store.answers.recall(idempotency, times.timeMs);
  switch (recalled.kind) {
    case "answered":
      return keptAnswer(recalled.answer);
    case "mismatch":
      return rejected(
        store,
        "idempotency_mismatch",
        "the idempotency key was used for another request",
      );
    case "expired":
      return rejected(
        store,
        "idempotency_expired",
        "so many numbers of this stream came later that nobody remembers this one",
      );
    case "full":
      return rejected(store, "overloaded", "there is no room to remember another answer");
    case "new": {
      const outcome = applyOperation(store, operation, times);
      if (isKept(outcome)) {
        store.answers.remember(idempotency, answerToKeep(outcome), times.timeMs);
      }
      return outcome;
    }
  }
}
