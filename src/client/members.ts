/** Bytes as members of the JSON that REST takes: text where they are UTF-8, else base64url. */

import { base64url, strictText } from "../lib/bytes.ts";
import { bytesOf, type KeyBytes } from "./paths.ts";
import type { KeyRange } from "./options.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** `{name: text}`, or `{name64: base64url}`; nothing where there are no bytes. */
export function bytesMembers(name: string, bytes: KeyBytes | undefined): JsonObject {
  if (bytes === undefined) return {};
  const text = strictText(bytesOf(bytes));
  return text === undefined ? { [`${name}64`]: base64url(bytesOf(bytes)) } : { [name]: text };
}

/** A range. */
export function rangeMembers({ prefix, start, end }: KeyRange): JsonObject {
  return {
    ...bytesMembers("prefix", prefix),
    ...bytesMembers("start", start),
    ...bytesMembers("end", end),
  };
}
