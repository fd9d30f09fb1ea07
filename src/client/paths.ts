/** Keys and options as they stand in URLs. */

import { base64url, strictText, utf8 } from "../lib/bytes.ts";

/** A key, or a bound of a range: text stands for its UTF-8 bytes. */
export type KeyBytes = string | Uint8Array;

/** The longest key that a cluster takes, and the longest bound of a range. */
export const keyBytesMax = 8192;

/** The bytes of a key or a value. */
export function bytesOf(key: KeyBytes): Uint8Array {
  return typeof key === "string" ? utf8(key) : key;
}

/** The path of a key; its `kv64` twin where URL parsing would fold the key (`.` and `..`). */
export function keyPath(key: KeyBytes): string {
  return pathOf("kv", key);
}

/** The path of a key's past, or its `history64` twin. */
export function historyPath(key: KeyBytes): string {
  return pathOf("history", key);
}

function pathOf(resource: "kv" | "history", key: KeyBytes): string {
  const bytes = bytesOf(key);
  const path = percentEncode(bytes);
  return /(?:^|\/)\.{1,2}(?:\/|$)/.test(path)
    ? `/v1/${resource}64/${base64url(bytes)}`
    : `/v1/${resource}/${path}`;
}

/** In capitals U+FFFD is refused: Bun writes it so where bytes were lost (http/target.ts). */
function plain(escape: string): string {
  return escape === "%2F" ? "/" : escape.toLowerCase();
}

/** Text as one segment of a path. */
export function percentEncoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/%2F|%EF%BF%BD/g, (escape) => escape.toLowerCase());
}

/** Leaves slashes, because they belong to the key and read better. */
function percentEncode(bytes: Uint8Array): string {
  const text = strictText(bytes);
  if (text !== undefined) return encodeURIComponent(text).replaceAll(/%2F|%EF%BF%BD/g, plain);
  let encoded = "";
  for (const byte of bytes) {
    encoded += /[A-Za-z0-9._~/-]/.test(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

export type QueryValue = string | number | boolean | Uint8Array | undefined;

/** `?a=1&b=2`; options that are undefined or false are left out. */
export function queryString(options: Readonly<Record<string, QueryValue>>): string {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === false) continue;
    const text = value instanceof Uint8Array
      ? percentEncode(value)
      : percentEncode(utf8(String(value)));
    pairs.push(`${name}=${text}`);
  }
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}
