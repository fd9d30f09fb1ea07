/** What every client call says beside its message, and what every answer says beside its own. */

import { createHash } from "node:crypto";
import type {
  Header,
  ReadOptions,
  RequestOptions,
  Revision,
  WriteOptions,
} from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import type { CallContext, CallMetadata } from "./call.ts";

const timeoutDefaultMs = 5_000;
const timeoutMaxMs = 60_000;
const requestIdForm = /^[\x21-\x7e]{1,128}$/;
const idempotencyKeyForm = /^[\x20-\x7e]{1,255}$/;
const revisionForm = /^[0-9]{1,16}$/;
// Drawn once: a random id for every call costs more than all the rest of this file.
const idPrefix = Math.floor(Math.random() * 36 ** 8).toString(36).padStart(8, "0");
let idCounter = 0;

/** Ms left until `deadline`, no more than a request may take at all. */
export function timeoutOf(deadline: Date | number): number {
  const leftMs = Math.floor(Number(deadline) - Date.now());
  return Number.isFinite(leftMs) ? bounded(Math.max(0, leftMs)) : timeoutDefaultMs;
}

/** Deadline, id and cancellation of a call, in the services' words. */
export function requestOptions(call: CallContext): RequestOptions {
  const asked = call.header("x-request-id");
  const given = asked !== undefined && requestIdForm.test(asked);
  const requestId = given ? asked : `${idPrefix}-${++idCounter}`;
  return { timeoutMs: bounded(call.timeoutMs ?? timeoutDefaultMs), requestId, signal: call.signal };
}

function bounded(timeoutMs: number): number {
  return Math.min(timeoutMs, timeoutMaxMs);
}

/** Throws ServiceError when `min-revision` is no revision. */
export function minRevision(call: CallContext): Pick<ReadOptions, "minRevision"> {
  const value = revisionHeader(call, "min-revision");
  return value === undefined ? {} : { minRevision: value };
}

/** The revision in the header of that name; throws ServiceError when it is none. */
export function revisionHeader(call: CallContext, name: string): Revision | undefined {
  const text = call.header(name);
  if (text === undefined) return undefined;
  const value = revisionForm.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) {
    const message = `${name} is ${JSON.stringify(text.slice(0, 40))}, allowed is 0 … 2^53 - 1`;
    throw new ServiceError("validation_failed", message, { issues: [{ path: name, message }] });
  }
  return value;
}

/**
 * Under which key a write is remembered; `request` gives its bytes, which tell a repetition from
 * another request. Throws ServiceError when `idempotency-key` is none. Nobody says who he is yet,
 * so that all share one scope.
 */
export function idempotency(
  call: CallContext,
  method: string,
  request: () => Uint8Array,
): Pick<WriteOptions, "idempotency"> {
  const key = call.header("idempotency-key");
  if (key === undefined) return {};
  if (!idempotencyKeyForm.test(key)) {
    const shown = JSON.stringify(key.slice(0, 40));
    const allowed = "allowed are 1 to 255 printable characters of ASCII";
    const message = `idempotency-key is ${shown}, ${allowed}`;
    throw new ServiceError("validation_failed", message, {
      outcome: "not_applied",
      issues: [{ path: "idempotency-key", message }],
    });
  }
  const requestHash = createHash("sha256").update(`${method}\n`).update(request()).digest();
  return { idempotency: { identity: "", key, requestHash: new Uint8Array(requestHash) } };
}

/**
 * The headers of an answer; without `header` only the request's id. `replayed`: it is the answer of
 * an earlier request under the same idempotency key.
 */
export function answerHeaders(
  requestId: string,
  header?: Header,
  replayed = false,
): CallMetadata {
  if (header === undefined) return { "x-request-id": requestId };
  return {
    "x-request-id": requestId,
    "kv-revision": String(header.revision),
    "kv-served-by": String(header.servedBy),
    ...(header.leader === undefined ? {} : { "kv-leader": String(header.leader) }),
    ...(header.level === undefined ? {} : { "kv-consistency": header.level }),
    ...(replayed ? { "idempotency-replayed": "true" } : {}),
  };
}
