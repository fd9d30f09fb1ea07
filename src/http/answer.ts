/**
 * Answers and the headers that stand on all of them. Building a header is what costs most in an
 * answer, so those that many answers share are built once.
 */

import type { Header } from "../service/contract.ts";
import type { Call } from "./call.ts";

interface Body {
  readonly content: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | Blob | null;
  readonly contentType?: string;
  /** A stored value, which a browser must neither take for something else nor run as a page. */
  readonly isValue?: true;
}

/**
 * The answer to `call`. What comes from the store tells which node served it, at which revision and
 * how fresh. HEAD gets the length of the body instead of the body.
 */
export function answer(call: Call, status: number, body: Body): Response {
  const { content } = body;
  const isHead = call.request.method === "HEAD" && content !== null;
  const init = { status, headers: sharedHeaders(call.header, body) };
  const response = new Response(isHead ? null : content, init);
  const isWhole = typeof content === "string" || content instanceof Uint8Array;
  call.answerBytes = isHead || !isWhole ? 0 : content.length;
  const headers = response.headers;
  headers.set("X-Request-Id", call.requestId);
  if (call.header !== undefined) setVarying(headers, call.header);
  if (isHead && isWhole) headers.set("Content-Length", String(byteLength(content)));
  const extra = call.extraHeaders;
  for (const name in extra) headers.set(name, extra[name]!);
  return response;
}

function setVarying(headers: Headers, header: Header): void {
  headers.set("KV-Revision", String(header.revision));
  if (header.forwarded === true) headers.set("KV-Forwarded", "1");
  if (header.stalenessMs === undefined) return;
  // Unknown is no number: a client that compares it finds it neither small nor zero.
  const known = Number.isFinite(header.stalenessMs);
  headers.set("KV-Staleness-Ms", known ? String(Math.ceil(header.stalenessMs)) : "unknown");
}

function byteLength(content: string | Uint8Array): number {
  return typeof content === "string" ? new TextEncoder().encode(content).length : content.length;
}

const shared = new Map<string, Headers>();
/** Media types are the clients' to choose, so their number has no bound of its own. */
const sharedMax = 256;

/** Headers that depend on who answers, at which level, and with what kind of body. */
function sharedHeaders(header: Header | undefined, body: Body): Headers {
  const { contentType = "", isValue = false } = body;
  const of = header === undefined
    ? ""
    : `${header.servedBy} ${header.leader} ${header.level} ${header.clusterId}`;
  const name = `${isValue} ${contentType}\n${of}`;
  const known = shared.get(name);
  if (known !== undefined) return known;
  const made = makeShared(header, body);
  if (shared.size >= sharedMax) shared.clear();
  shared.set(name, made);
  return made;
}

function makeShared(header: Header | undefined, { contentType, isValue }: Body): Headers {
  const made = new Headers({ "Cache-Control": "private, no-cache" });
  if (contentType !== undefined) made.set("Content-Type", contentType);
  if (isValue === true) {
    made.set("X-Content-Type-Options", "nosniff");
    made.set("Content-Security-Policy", "sandbox; default-src 'none'");
    made.set("Cross-Origin-Resource-Policy", "same-origin");
  }
  if (header === undefined) return made;
  // A node that no cluster has taken in yet has no id, and belongs to none.
  if (header.servedBy > 0) made.set("KV-Served-By", String(header.servedBy));
  if (header.clusterId !== "") made.set("KV-Cluster-Id", header.clusterId);
  if (header.leader !== undefined) made.set("KV-Leader", String(header.leader));
  if (header.level !== undefined) made.set("KV-Consistency", header.level);
  return made;
}

/** `value` as JSON, under `contentType` where it has a media type of its own. */
export function jsonAnswer(
  call: Call,
  status: number,
  value: unknown,
  contentType = "application/json",
): Response {
  return answer(call, status, { content: JSON.stringify(value), contentType });
}

/** 200 with `text` as it is. */
export function textAnswer(call: Call, text: string, contentType: string): Response {
  return answer(call, 200, { content: text, contentType });
}

/** An answer that consists of its headers. */
export function emptyAnswer(call: Call, status: 204 | 304 | 307): Response {
  return answer(call, status, { content: null });
}

/** A stored value as it is. */
export function valueAnswer(call: Call, value: Uint8Array, contentType: string): Response {
  return answer(call, 200, { content: unshared(value), contentType, isValue: true });
}

/** Response takes no memory that threads share; a value never is that, so nothing is copied. */
function unshared(value: Uint8Array): Uint8Array<ArrayBuffer> {
  return isUnshared(value) ? value : new Uint8Array(value);
}

function isUnshared(value: Uint8Array): value is Uint8Array<ArrayBuffer> {
  return value.buffer instanceof ArrayBuffer;
}
