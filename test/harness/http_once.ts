/**
 * One HTTP/1.1 request on a connection of its own. Only so can a test tell "never sent" from "sent,
 * and the answer got lost": pooled connections and silent retries blur just that.
 */

import { connect } from "node:net";
import { Buffer } from "node:buffer";

export interface OnceRequest {
  readonly method: string;
  /** An http URL. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** From now to the last byte of the answer. */
  readonly withinMs: number;
}

export type OnceAnswer =
  | {
    readonly kind: "answered";
    readonly status: number;
    /** By lower-case name. */
    readonly headers: ReadonlyMap<string, string>;
    readonly body: string;
  }
  /** The connection was never made, so nothing of the request can have arrived. */
  | { readonly kind: "notSent"; readonly reason: string }
  /** Something may have arrived; no whole answer came back. */
  | { readonly kind: "lost"; readonly reason: string };

/** Sends the request and reads the answer to its end. Never throws. */
export function requestOnce(request: OnceRequest): Promise<OnceAnswer> {
  const url = new URL(request.url);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let connected = false;
    const socket = connect({ host: url.hostname, port: Number(url.port) });
    const timer = setTimeout(() => finish("timed out"), request.withinMs);
    const finish = (reason: string): void => {
      clearTimeout(timer);
      socket.destroy();
      const answer = parseAnswer(Buffer.concat(chunks));
      if (answer !== undefined) resolve(answer);
      else resolve({ kind: connected ? "lost" : "notSent", reason });
    };
    socket.on("connect", () => {
      connected = true;
      socket.write(encodeRequest(request, url));
    });
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (parseAnswer(Buffer.concat(chunks)) !== undefined) finish("complete");
    });
    socket.on("error", (error: Error) => finish(error.message));
    socket.on("close", () => finish("closed"));
  });
}

function encodeRequest({ method, headers, body = "" }: OnceRequest, url: URL): Buffer {
  const lines = [
    `${method} ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    "Connection: close",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** The answer once all of it is there; undefined before, and when its end is not marked. */
function parseAnswer(bytes: Buffer): OnceAnswer | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const [statusLine = "", ...lines] = bytes.subarray(0, headEnd).toString().split("\r\n");
  const status = Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) return undefined;
  const headers = new Map(lines.map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
  }));
  const body = parseBody(bytes.subarray(headEnd + 4), { status, headers });
  return body === undefined ? undefined : { kind: "answered", status, headers, body };
}

function parseBody(
  bytes: Buffer,
  head: { readonly status: number; readonly headers: ReadonlyMap<string, string> },
): string | undefined {
  if (head.status === 204 || head.status === 304) return "";
  if (head.headers.get("transfer-encoding") === "chunked") return parseChunks(bytes);
  const length = Number(head.headers.get("content-length"));
  return bytes.length < length || !head.headers.has("content-length")
    ? undefined
    : bytes.subarray(0, length).toString();
}

function parseChunks(bytes: Buffer): string | undefined {
  const parts: Buffer[] = [];
  for (let at = 0;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const length = parseInt(bytes.subarray(at, lineEnd).toString(), 16);
    if (length === 0) return Buffer.concat(parts).toString();
    at = lineEnd + 2 + length + 2;
    if (Number.isNaN(length) || at > bytes.length) return undefined;
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length));
  }
}
