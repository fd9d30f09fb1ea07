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

export function jsonAnswer(
  call: Call,
  status: number,
  body: unknown,
  contentType = "application/json",
): Response {
  const headers = answerHeaders(call);
  headers["Content-Type"] = contentType;
  return new Response(JSON.stringify(body), { status, headers });
}

export function textAnswer(call: Call, body: string, contentType: string): Response {
  const headers = answerHeaders(call);
  headers["Content-Type"] = contentType;
  return new Response(body, { status: 200, headers });
}

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
  // A HEAD answer has no body that the runtime could measure.
  if (call.request.method === "HEAD") headers["Content-Length"] = String(value.length);
  return new Response(value as Uint8Array<ArrayBuffer>, { status: 200, headers });
}
