/**
 * Bodies are counted here while they arrive: the runtimes' own limits differ, and a chunked body
 * declares none. What is counted is held in memory until the request is answered, and all requests
 * share one budget of it.
 *
 * What is not read stays with its sender: Bun (1.4) and Deno (2.9) hand a request over when its
 * head has come, take in less than 1 MiB of a body that nobody reads, and then let the connection
 * wait. When the answer is given first, both take in the rest and throw it away.
 */

import { concatBytes } from "../lib/bytes.ts";
import { type ErrorCode, ServiceError } from "../service/errors.ts";
import type { Call } from "./call.ts";

/** Bytes of a refused body that are still taken in, so that its sender gets to read why. */
const discardedBytesMax = 64 * 1024 * 1024;
/** A refused body that pauses for so long is not waited for. */
const discardIdleMs = 200;

/** Bodies that declare no more are read in one go, which is faster, and counted in advance. */
const smallBytesMax = 16 * 1024;

/** How large a body may be, and what a larger one is called. */
export interface BodyLimit {
  readonly bytesMax: number;
  readonly code: Extract<ErrorCode, "value_too_large" | "request_too_large">;
}

/** The whole body, or a refusal as soon as it is known to be too large or too slow. */
export async function readBody(call: Call, limit: BodyLimit): Promise<Uint8Array> {
  refuseContentEncoding(call);
  call.body = await readDeclared(call, limit);
  return call.body;
}

async function readDeclared(call: Call, limit: BodyLimit): Promise<Uint8Array> {
  const declared = declaredLength(call.request);
  if (declared !== undefined && declared > limit.bytesMax) {
    await discard(call, call.request.body?.getReader());
    throw tooLarge(call, declared, limit);
  }
  if (declared !== undefined && !call.memory.budget.hasRoomFor(declared)) throw noRoom(call);
  if (declared === undefined) return await readChunked(call, limit);
  const body = declared <= smallBytesMax
    ? await readSmall(call, declared)
    : await readCounted(call, limit);
  if (body.length !== declared) {
    throw new ServiceError(
      "bad_request",
      `Content-Length is ${declared}, the body has ${body.length} bytes`,
    );
  }
  return body;
}

/**
 * Bun (1.4) ends a body at its last chunk and takes trailers behind it (RFC 9112 §7.1.2) for a
 * request that makes no sense: it answers 400 by itself and closes. So that this 400 is no lie, the
 * runtime gets to look at what came with the last chunk before the body counts as there.
 */
async function readChunked(call: Call, limit: BodyLimit): Promise<Uint8Array> {
  refuseTransferCoding(call);
  const body = await readCounted(call, limit);
  if (call.request.body === null) return body;
  await call.services.clock.yield();
  if (call.request.signal.aborted) {
    throw new ServiceError("bad_request", "The connection was closed behind the body");
  }
  return body;
}

/** Content-Length; undefined where there is none. Throws `bad_request`. */
export function declaredLength(request: Request): number | undefined {
  const given = request.headers.get("Content-Length");
  if (given === null) return undefined;
  if (!/^[0-9]{1,15}$/.test(given)) {
    throw new ServiceError("bad_request", `Content-Length is "${given}", allowed is one integer`);
  }
  return Number(given);
}

/** HTTP itself frames a body of declared length: it cannot become longer. */
async function readSmall(call: Call, declared: number): Promise<Uint8Array> {
  if (!call.memory.take(declared)) throw noRoom(call);
  const reading = call.request.bytes().catch((error) => brokenOff(error));
  return await inTime(call, reading);
}

/**
 * Takes memory for what has come, never for what is promised: a sender that declares much and sends
 * nothing keeps nobody else out.
 */
async function readCounted(call: Call, limit: BodyLimit): Promise<Uint8Array> {
  const stream = call.request.body;
  if (stream === null) return new Uint8Array(0);
  const reader = stream.getReader();
  try {
    return await inTime(call, readPieces(call, reader, limit));
  } catch (error) {
    // Nothing more of it is kept, also where the reading has not ended by itself.
    reader.cancel().catch(() => {});
    throw error;
  }
}

async function readPieces(
  call: Call,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  limit: BodyLimit,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const next = await reader.read().catch((error) => brokenOff(error));
    if (next.done) return parts.length === 1 ? parts[0]! : concatBytes(parts);
    length += next.value.length;
    const refusal = length > limit.bytesMax
      ? tooLarge(call, length, limit)
      : call.memory.take(next.value.length)
      ? undefined
      : noRoom(call);
    if (refusal !== undefined) {
      parts.length = 0;
      call.memory.release();
      await discard(call, reader);
      throw refusal;
    }
    parts.push(next.value);
  }
}

/** Whatever becomes of a body that has not come in full, its connection carries nothing more. */
async function inTime<T>(call: Call, reading: Promise<T>): Promise<T> {
  try {
    return await call.beforeDeadline(reading, "The body did not arrive");
  } catch (error) {
    call.extraHeaders["Connection"] = "close";
    throw error;
  }
}

function noRoom(call: Call): ServiceError {
  const { heldBytes, bytesMax } = call.memory.budget;
  return new ServiceError(
    "overloaded",
    `Requests in memory have ${heldBytes} bytes, allowed are ${bytesMax}`,
    { retryable: true, retryAfterMs: 1000 },
  );
}

/**
 * Takes in what is left of a body that is refused, for as long as it keeps coming in time and is
 * not endless: an answer to a client that is still sending is lost when the connection is closed
 * over unread bytes. A client that waits for the answer before it sends is answered soon.
 */
export async function discard(
  call: Call,
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
): Promise<void> {
  for (let left = discardedBytesMax; reader !== undefined && left > 0 && !call.isLate();) {
    const next = await soonOrUndefined(call, reader.read());
    if (next === undefined) break;
    if (next.done) return;
    left -= next.value.length;
  }
  reader?.cancel().catch(() => {});
}

/** Undefined when `work` takes longer than discardIdleMs, or fails. */
function soonOrUndefined<T>(call: Call, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const cancel = call.services.clock.after(discardIdleMs, () => resolve(undefined));
    const settle = (value: T | undefined): void => {
      cancel();
      resolve(value);
    };
    work.then(settle, () => settle(undefined));
  });
}

/** The error of a body that broke off. */
export function brokenOff(error: unknown): never {
  const why = error instanceof Error ? error.message : String(error);
  throw new ServiceError("bad_request", `The body broke off before its end: ${why}`);
}

function tooLarge(call: Call, length: number, limit: BodyLimit): ServiceError {
  // The rest of the body may be unread, so the connection cannot carry another request.
  call.extraHeaders["Connection"] = "close";
  const what = limit.code === "value_too_large" ? "value" : "request body";
  return new ServiceError(
    limit.code,
    `The ${what} has ${length} bytes or more, allowed are ${limit.bytesMax}`,
  );
}

/** Throws where the body is encoded: what is stored is what was sent. */
export function refuseContentEncoding(call: Call): void {
  const encoding = call.request.headers.get("Content-Encoding");
  if (encoding === null || encoding.toLowerCase() === "identity") return;
  call.extraHeaders["Accept-Encoding"] = "identity";
  throw new ServiceError(
    "unsupported_media_type",
    `Content-Encoding is "${encoding}"; send the bytes as they are, without that header`,
  );
}

/** Bun refuses any other coding itself; Deno takes what it cannot decode for the body. */
function refuseTransferCoding(call: Call): void {
  const coding = call.request.headers.get("Transfer-Encoding");
  if (coding === null || coding.trim().toLowerCase() === "chunked") return;
  call.extraHeaders["Connection"] = "close";
  throw new ServiceError(
    "bad_request",
    `Transfer-Encoding is "${coding}", allowed is chunked, which encodes nothing`,
  );
}

/**
 * For requests whose options say everything: a body would be a wish that nobody reads. A chunked
 * one may be empty, because clients send it so that nothing on the way repeats the request.
 */
export async function refuseBody(call: Call): Promise<void> {
  const headers = call.request.headers;
  const length = headers.get("Content-Length");
  if (length === "0" || (length === null && !headers.has("Transfer-Encoding"))) return;
  if (length === null && await isEmpty(call)) return;
  throw new ServiceError("bad_request", `${call.request.method} takes no body, send options`);
}

async function isEmpty(call: Call): Promise<boolean> {
  try {
    await readCounted(call, { bytesMax: 0, code: "request_too_large" });
    return true;
  } catch (error) {
    if (error instanceof ServiceError && error.code === "request_timeout") throw error;
    return false;
  }
}
