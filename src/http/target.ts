/**
 * The request target as it stood in the URL. Keys are bytes, so the path is split and decoded here,
 * once, and nowhere else: a router that decodes first would turn `%2F` into a separator and `%FF`
 * into U+FFFD.
 *
 * One thing is out of reach: clients, proxies and Bun parse a URL by its standard, which folds the
 * segments `.` and `..` (and `%2e`) and turns `\` into `/` before a Request exists. Deno hands the
 * target on as it came. Where such a segment is seen it is refused, because it would name another
 * key elsewhere; the keys themselves are reached through the `/v1/kv64/` twins.
 *
 * Another: where a target holds bytes that are no UTF-8, Bun hands `%EF%BF%BD` on in their place,
 * which is U+FFFD. Many keys would become one, so that these nine letters are refused, on either
 * runtime. Who means U+FFFD itself writes `%ef%bf%bd`.
 */

import { concatBytes, fromBase64url, strictText, utf8 } from "../lib/bytes.ts";
import { contestNameBytesMax, keyBytesMax } from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import { isLeaseId, leaseIdAllowed } from "./int64.ts";

/** Path and query of a request. */
export interface Target {
  /** Begins with a slash; not decoded. */
  readonly path: string;
  /** Without the question mark; not decoded; empty when there is none. */
  readonly query: string;
}

/** Splits an absolute URL without decoding any of it. */
export function rawTarget(url: string): Target {
  const authority = authorityStart(url);
  const hash = url.indexOf("#", authority);
  const end = hash < 0 ? url.length : hash;
  const slash = url.indexOf("/", authority);
  if (slash < 0 || slash >= end) return { path: "/", query: "" };
  const mark = url.indexOf("?", slash);
  if (mark < 0 || mark >= end) return { path: url.slice(slash, end), query: "" };
  return { path: url.slice(slash, mark), query: url.slice(mark + 1, end) };
}

/** Bun gives a request of HTTP/1.0, which has no Host, a URL that begins with its path. */
function authorityStart(url: string): number {
  return url.startsWith("/") ? 0 : url.indexOf("://") + 3;
}

/** The `host:port` of a URL; empty when it names none. */
export function authorityOf(url: string): string {
  const start = authorityStart(url);
  const end = url.indexOf("/", start);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}

/**
 * Whether a part of a target may have lost bytes that were no UTF-8 before it came here: then it
 * says something else than its sender.
 */
export function mayHaveLostBytes(text: string): boolean {
  return text.includes("%EF%BF%BD") || text.includes("\uFFFD");
}

/** What to tell where {@link mayHaveLostBytes}. */
export const lostBytesDetail = "holds U+FFFD, which stands for bytes that are no UTF-8: " +
  "percent-encode them, and U+FFFD itself as %ef%bf%bd";

/** The bytes behind `%XX` escapes, or undefined when a `%` is not followed by two hex digits. */
export function percentDecode(text: string): Uint8Array | undefined {
  const bytes = utf8(text);
  let write = bytes.indexOf(percent);
  if (write < 0) return bytes;
  for (let read = write; read < bytes.length; read++) {
    const byte = bytes[read]!;
    if (byte !== percent) {
      bytes[write++] = byte;
      continue;
    }
    const high = hexDigit(bytes[read + 1]);
    const low = hexDigit(bytes[read + 2]);
    if (high < 0 || low < 0) return undefined;
    bytes[write++] = high * 16 + low;
    read += 2;
  }
  return bytes.subarray(0, write);
}

const percent = 0x25;

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

/** In a query, unlike in a path, a plus is a space (WHATWG URL, "urlencoded parsing"). */
export function decodeQueryText(text: string): Uint8Array | undefined {
  return percentDecode(text.includes("+") ? text.replaceAll("+", " ") : text);
}

/** One `name=value` of a query. */
export interface QueryPair {
  readonly name: string;
  /** Not decoded. */
  readonly value: string;
}

/** The pairs of a query in their order; empty ones (`&&`) are skipped. */
export function queryPairs(query: string): readonly QueryPair[] {
  const pairs: QueryPair[] = [];
  for (const part of query.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const rawName = equals < 0 ? part : part.slice(0, equals);
    const decoded = decodeQueryText(rawName);
    const name = decoded === undefined ? undefined : strictText(decoded);
    if (name === undefined) {
      throw new ServiceError(
        "bad_request",
        `The option name "${rawName}" is no percent-encoded UTF-8`,
      );
    }
    pairs.push({ name, value: equals < 0 ? "" : part.slice(equals + 1) });
  }
  return pairs;
}

/** What stands before a key in a path, and before its base64url. */
const keyPrefixes = ["/v1/kv/", "/v1/history/"] as const;
const key64Prefixes = ["/v1/kv64/", "/v1/history64/"] as const;

/** The key that a path ending in `{key}` or `{key64}` names. */
export function keyOfPath(path: string): Uint8Array {
  const prefix = keyPrefixes.find((each) => path.startsWith(each));
  if (prefix !== undefined) return checkedKey(plainKey(path, prefix));
  const prefix64 = key64Prefixes.find((each) => path.startsWith(each)) ?? "";
  const decoded = percentDecode(path.slice(prefix64.length));
  const text = decoded === undefined ? undefined : strictText(decoded);
  const key = text === undefined ? undefined : fromBase64url(text);
  if (key === undefined) {
    throw new ServiceError(
      "bad_request",
      `The key64 in ${path.slice(0, 200)} is not base64url in one path segment`,
    );
  }
  return checkedKey(key);
}

function plainKey(path: string, prefix: string): Uint8Array {
  if (mayHaveLostBytes(path)) {
    throw new ServiceError("bad_request", `The path ${path.slice(0, 200)} ${lostBytesDetail}`);
  }
  refuseFolded(path);
  const key = percentDecode(path.slice(prefix.length));
  if (key !== undefined) return key;
  throw new ServiceError(
    "bad_request",
    `The key in ${path.slice(0, 200)} has a % that is not followed by two hexadecimal digits`,
  );
}

/** What a path names, in one spelling: a key is the same in its path and in its twin. */
export function resourceOf(path: string): Uint8Array {
  const named = nameSegment.exec(path)?.[1];
  if (named !== undefined) return concatBytes([utf8(named), nameOfPath(path)]);
  const isKey = path.startsWith("/v1/kv/") || path.startsWith("/v1/kv64/");
  return isKey ? concatBytes([utf8("/v1/kv/"), keyOfPath(path)]) : utf8(path);
}

const leaseSegment = /^\/v1\/leases\/([^/]+)(?:\/|$)/;

/** The lease that a path of `/v1/leases/{id}` names. */
export function leaseOfPath(path: string): string {
  const segment = leaseSegment.exec(path)?.[1] ?? "";
  const decoded = percentDecode(segment);
  const id = decoded === undefined ? undefined : strictText(decoded);
  if (id !== undefined && isLeaseId(id)) return id;
  const shown = JSON.stringify(segment.slice(0, 100));
  throw new ServiceError("bad_request", `The lease in the path is ${shown}, ${leaseIdAllowed}`);
}

const memberSegment = /^\/v1\/cluster\/members\/([^/]+)(?:\/|$)/;

/** The node that a path of `/v1/cluster/members/{id}` names. */
export function memberOfPath(path: string): number {
  const segment = memberSegment.exec(path)?.[1] ?? "";
  const id = /^[1-9][0-9]{0,9}$/.test(segment) ? Number(segment) : NaN;
  if (id <= 2 ** 32 - 1) return id;
  const shown = JSON.stringify(segment.slice(0, 100));
  throw new ServiceError(
    "bad_request",
    `The member in the path is ${shown}, allowed is the id of a node, from 1 to 4294967295`,
  );
}

const nameSegment = /^(\/v1\/(?:locks|elections)\/)([^/]+)(?:\/|$)/;

/** The lock or the election that a path names in one segment. */
export function nameOfPath(path: string): Uint8Array {
  if (mayHaveLostBytes(path)) {
    throw new ServiceError("bad_request", `The path ${path.slice(0, 200)} ${lostBytesDetail}`);
  }
  const segment = nameSegment.exec(path)?.[2] ?? "";
  const name = percentDecode(segment);
  if (name === undefined || /^(?:\.|%2e){1,2}$|\\/i.test(segment)) {
    throw new ServiceError(
      "bad_request",
      `The name in ${path.slice(0, 200)} is . or .., has a backslash that is not escaped, or a % ` +
        "that is not followed by two hexadecimal digits",
    );
  }
  if (name.length >= 1 && name.length <= contestNameBytesMax) return name;
  const message = `The name has ${name.length} bytes, allowed are 1 to ${contestNameBytesMax}`;
  throw new ServiceError("validation_failed", message, { issues: [{ path: "name", message }] });
}

const foldedSegment = /\/(?:\.|%2e){1,2}(?:\/|$)|\\/i;

function refuseFolded(path: string): void {
  if (!foldedSegment.test(path)) return;
  throw new ServiceError(
    "bad_request",
    `The path ${path.slice(0, 200)} has a segment . or .. or a backslash, which URL parsing ` +
      "folds; use the path that takes the key in base64url: /v1/kv64/ or /v1/history64/",
  );
}

function checkedKey(key: Uint8Array): Uint8Array {
  if (key.length === 0) {
    throw new ServiceError("bad_request", "The key is empty, allowed are 1 to 8192 bytes");
  }
  if (key.length > keyBytesMax) {
    throw new ServiceError(
      "key_too_long",
      `The key has ${key.length} bytes, allowed are 1 to ${keyBytesMax}`,
    );
  }
  return key;
}
