/**
 * Bodies are counted here while they arrive: the runtimes' own limits differ, and a chunked body
 * declares none.
 */

import type { z } from "@hono/zod-openapi";
import { concatBytes, strictText } from "../lib/bytes.ts";
import { type ErrorCode, type Issue, ServiceError } from "../service/errors.ts";
import type { Call } from "./call.ts";
import { essence } from "./media_type.ts";
import { validationFailed } from "./options.ts";
import { listed, nearestWord } from "./vocabulary.ts";

/** Bytes of a refused body that are still taken in, so that its sender gets to read why. */
const discardedBytesMax = 64 * 1024 * 1024;
/** A refused body that pauses for so long is not waited for. */
const discardIdleMs = 200;

/** How large a body may be, and what a larger one is called. */
export interface BodyLimit {
  readonly bytesMax: number;
  readonly code: Extract<ErrorCode, "value_too_large" | "request_too_large">;
}

/** The whole body, or a refusal as soon as it is known to be too large or too slow. */
export async function readBody(call: Call, limit: BodyLimit): Promise<Uint8Array> {
  refuseContentEncoding(call);
  const declared = declaredLength(call.request);
  if (declared !== undefined && declared > limit.bytesMax) {
    await discard(call, call.request.body?.getReader());
    throw tooLarge(call, declared, limit);
  }
  // HTTP itself frames a body of declared length; only one without must be counted piece by piece.
  const reading = declared === undefined
    ? readCounted(call, limit)
    : call.request.bytes().catch((error) => brokenOff(error));
  const body = await call.beforeDeadline(reading, "The body did not arrive").catch((error) => {
    call.extraHeaders["Connection"] = "close";
    throw error;
  });
  if (declared !== undefined && body.length !== declared) {
    throw new ServiceError(
      "bad_request",
      `Content-Length is ${declared}, the body has ${body.length} bytes`,
    );
  }
  return body;
}

function declaredLength(request: Request): number | undefined {
  const given = request.headers.get("Content-Length");
  if (given === null) return undefined;
  if (!/^[0-9]{1,15}$/.test(given)) {
    throw new ServiceError("bad_request", `Content-Length is "${given}", allowed is one integer`);
  }
  return Number(given);
}

async function readCounted(call: Call, limit: BodyLimit): Promise<Uint8Array> {
  const stream = call.request.body;
  if (stream === null) return new Uint8Array(0);
  const reader = stream.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const next = await reader.read().catch((error) => brokenOff(error));
    if (next.done) return parts.length === 1 ? parts[0]! : concatBytes(parts);
    length += next.value.length;
    if (length > limit.bytesMax) {
      await discard(call, reader);
      throw tooLarge(call, length, limit);
    }
    parts.push(next.value);
  }
}

/**
 * Takes in what is left of a body that is refused, for as long as it keeps coming and is not
 * endless: an answer to a client that is still sending is lost when the connection is closed over
 * unread bytes. A client that waits for the answer before it sends is answered soon.
 */
async function discard(
  call: Call,
  reader: ReadableStreamDefaultReader<Uint8Array> | undefined,
): Promise<void> {
  for (let left = discardedBytesMax; reader !== undefined && left > 0;) {
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

function brokenOff(error: unknown): never {
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

function refuseContentEncoding(call: Call): void {
  const encoding = call.request.headers.get("Content-Encoding");
  if (encoding === null || encoding.toLowerCase() === "identity") return;
  call.extraHeaders["Accept-Encoding"] = "identity";
  throw new ServiceError(
    "unsupported_media_type",
    `Content-Encoding is "${encoding}"; send the bytes as they are, without that header`,
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
  const reading = readCounted(call, { bytesMax: 0, code: "request_too_large" });
  const judged = reading.then(() => true, () => false);
  return await call.beforeDeadline(judged, "The body did not arrive");
}

/** Schemas by media type; the first is named to who sends another one. */
export type BodySchemas<T> = Readonly<Record<string, z.ZodType<T>>>;

/** The checked body, or undefined when there is none. */
export async function readJson<T>(call: Call, schemas: BodySchemas<T>): Promise<T | undefined> {
  const bytesMax = call.services.limits.requestBytesMax;
  const body = await readBody(call, { bytesMax, code: "request_too_large" });
  if (body.length === 0) return undefined;
  const contentType = call.request.headers.get("Content-Type");
  const schema = contentType === null ? undefined : schemas[essence(contentType)];
  if (schema === undefined) {
    throw new ServiceError(
      "unsupported_media_type",
      `Content-Type is ${contentType === null ? "absent" : `"${contentType}"`}, ` +
        `send ${listed(Object.keys(schemas))}`,
    );
  }
  const parsed = schema.safeParse(parseJson(body));
  if (parsed.success) return parsed.data;
  throw validationFailed(parsed.error.issues.flatMap((issue) => jsonIssues(issue, schema)));
}

function parseJson(body: Uint8Array): unknown {
  const text = strictText(body);
  if (text === undefined) throw new ServiceError("bad_request", "The body is not valid UTF-8");
  try {
    return JSON.parse(text);
  } catch {
    throw new ServiceError("bad_request", "The body is not valid JSON");
  }
}

function jsonIssues(issue: z.core.$ZodIssue, schema: z.ZodType): readonly Issue[] {
  const path = issue.path.map(String).join(".");
  if (issue.code !== "unrecognized_keys") return [{ path, message: issue.message }];
  const members = "shape" in schema ? Object.keys(Object(schema.shape)) : [];
  return issue.keys.map((key) => {
    const near = nearestWord(key, members);
    const hint = near === undefined ? `it has ${listed(members)}` : `did you mean ${near}?`;
    return {
      path: path === "" ? key : `${path}.${key}`,
      message: `"${key}" is not a member of this body; ${hint}`,
    };
  });
}
