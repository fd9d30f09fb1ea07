/** What of an answer is kept for repeated requests, and what a repetition is answered. */

import { assert } from "../lib/assert.ts";
import { lockOwnerBytesMax } from "./contest_command.ts";
import { answerBytesKept } from "./idempotency.ts";
import type {
  BatchDone,
  ContestDone,
  DeleteDone,
  Outcome,
  PutDone,
  Result,
  TxnResult,
} from "./result.ts";
import { decodeResult, encodeResult } from "./result_encoding.ts";

/**
 * Whether the store's answer is kept: all that was decided, but not that it was nonsense, nor that
 * there was no room for it or the store is closed: who is told that is told to ask again.
 */
export function isKept(outcome: Outcome): boolean {
  if (outcome.kind !== "rejected") return true;
  return !["bad_request", "overloaded", "not_ready"].includes(outcome.code);
}

/** The bytes to keep: without what was read, and without the parts where those are too many. */
export function answerToKeep(given: Outcome): Uint8Array {
  const outcome = given.kind === "batch"
    ? { ...given, results: given.results.map(withoutWords) }
    : withoutWords(given);
  const without = withoutReads(outcome);
  // Nothing was left out where both take the same bytes.
  const isWhole = without === outcome ||
    encodeResult(without).length === encodeResult(outcome).length;
  const kept = encodeResult(isWhole ? outcome : { ...without, omitted: true });
  if (kept.length <= answerBytesKept) return kept;
  return encodeResult({ ...withoutParts(outcome), omitted: true });
}

/** The answer to a repetition, from what {@link answerToKeep} gave. */
export function keptAnswer(bytes: Uint8Array): Result {
  const decoded = decodeResult(bytes);
  assert(decoded.ok, "What is remembered was encoded by this program");
  return { ...decoded.value, replayed: true };
}

/** The same object where it is seen at once that nothing was read. */
function withoutReads(outcome: Outcome): Outcome {
  switch (outcome.kind) {
    case "put":
    case "delete":
      return withoutPrev(outcome);
    case "conditionFailed": {
      const { current: _current, valueOmitted: _valueOmitted, ...rest } = outcome;
      return rest;
    }
    case "contest":
      return withoutLongValue(outcome);
    case "txn":
      return { ...outcome, results: outcome.results.map(txnResultWithoutReads) };
    case "batch":
      return {
        ...outcome,
        results: outcome.results.map((result) => {
          switch (result.kind) {
            case "put":
            case "delete":
              return withoutPrev(result);
            case "get":
              return { kind: "get" };
            case "conditionFailed":
              return { kind: "conditionFailed", revision: result.revision };
            case "rejected":
              return result;
          }
        }),
      };
    default:
      return outcome;
  }
}

/** What is kept is the same on every member; versions of the program may differ in their words. */
function withoutWords<T extends Outcome | BatchDone["results"][number]>(outcome: T): T {
  return outcome.kind === "rejected" ? { ...outcome, reason: "" } : outcome;
}

function txnResultWithoutReads(result: TxnResult): TxnResult {
  switch (result.kind) {
    case "put":
    case "delete":
      return withoutPrev(result);
    case "get":
      return { kind: "get" };
    case "range":
      return { kind: "range", items: [], more: false };
    case "txn":
      return { ...result, results: result.results.map(txnResultWithoutReads) };
  }
}

function withoutPrev(done: PutDone | DeleteDone): PutDone | DeleteDone {
  if (done.kind === "delete") return done.prev.length === 0 ? done : { ...done, prev: [] };
  const { prev, value, ...rest } = done;
  if (prev === undefined && value === undefined) return done;
  // A counter's new value is short, and is what its client asked for.
  return value !== undefined && value.length <= counterBytesMax ? { ...rest, value } : rest;
}

/** The owner of a lock is kept, what an election says may be longer. */
function withoutLongValue(outcome: ContestDone): ContestDone {
  const { holder } = outcome;
  if (holder?.value === undefined || holder.value.length <= lockOwnerBytesMax) return outcome;
  const { value: _value, ...known } = holder;
  return { ...outcome, holder: known };
}

/** A new value of so many bytes is kept with the answer. */
const counterBytesMax = 64;

/** What is left when the parts of a long answer are too many. */
function withoutParts(outcome: Outcome): Outcome {
  switch (outcome.kind) {
    case "txn":
    case "batch":
      return { ...outcome, results: [] };
    case "kept":
      return { ...outcome, leases: [] };
    default:
      return outcome;
  }
}
