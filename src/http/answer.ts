/** Answers and the headers that stand on all of them. */

import type { Header } from "../service/contract.ts";
import type { Call } from "./call.ts";

/**
 * The headers of an answer to `call`; the caller may add to them. What comes from the store tells
 * which node served it, at which revision and how fresh.
 */
export function answerHeaders(call: Call): Record<string, string> {
  const headers: Record<string, string> = {
    "X-Request-Id": call.requestId,
    "Cache-Control": "private, no-cache",
  };
  const header = call.header;
  if (header !== undefined) addStoreHeaders(headers, header);
  return Object.assign(headers, call.extraHeaders);
}

function addStoreHeaders(headers: Record<string, string>, header: Header): void {
  headers["KV-Revision"] = String(header.revision);
  headers["KV-Served-By"] = String(header.servedBy);
  headers["KV-Cluster-Id"] = header.clusterId;
  if (header.leader !== undefined) headers["KV-Leader"] = String(header.leader);
  if (header.level !== undefined) headers["KV-Consistency"] = header.level;
  if (header.stalenessMs !== undefined) {
    // Unknown is no number: a client that compares it finds it neither small nor zero.
    const known = Number.isFinite(header.stalenessMs);
    headers["KV-Staleness-Ms"] = known ? String(Math.ceil(header.stalenessMs)) : "unknown";
  }
}

/** An answer with a body, or, to HEAD, with its length alone. */
export function answerWith(
  call: Call,
  status: number,
  { body, headers }: {
    readonly body: string | Uint8Array<ArrayBuffer>;
    readonly headers: Record<string, string>;
  },
): Response {
  if (call.request.method !== "HEAD") return new Response(body, { status, headers });
  const length = typeof body === "string" ? new TextEncoder().encode(body).length : body.length;
  headers["Content-Length"] = String(length);
  return new Response(null, { status, headers });
}

/** `value` as JSON, under `contentType` where it has a media type of its own. */
export function jsonAnswer(
  call: Call,
  status: number,
  value: unknown,
  contentType = "application/json",
): Response {
  const headers = answerHeaders(call);
  headers["Content-Type"] = contentType;
  return answerWith(call, status, { body: JSON.stringify(value), headers });
}

/** 200 with `body` as it is. */
export function textAnswer(call: Call, body: string, contentType: string): Response {
  const headers = answerHeaders(call);
  headers["Content-Type"] = contentType;
  return answerWith(call, 200, { body, headers });
}

/** An answer that consists of its headers. */
export function emptyAnswer(call: Call, status: 304 | 307): Response {
  return new Response(null, { status, headers: answerHeaders(call) });
}

/**
 * A stored value as it is. Whatever media type was stored with it, a browser must neither guess
 * another one nor run it as a page of this origin.
 */
export function rawAnswer(call: Call, value: Uint8Array, contentType: string): Response {
  const headers = answerHeaders(call);
  headers["Content-Type"] = contentType;
  headers["X-Content-Type-Options"] = "nosniff";
  headers["Content-Security-Policy"] = "sandbox; default-src 'none'";
  headers["Cross-Origin-Resource-Policy"] = "same-origin";
  return answerWith(call, 200, { body: unshared(value), headers });
}

/** Response takes no memory that threads share; a value never is that, so nothing is copied. */
function unshared(value: Uint8Array): Uint8Array<ArrayBuffer> {
  return isUnshared(value) ? value : new Uint8Array(value);
}

function isUnshared(value: Uint8Array): value is Uint8Array<ArrayBuffer> {
  return value.buffer instanceof ArrayBuffer;
}
