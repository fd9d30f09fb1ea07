/** Merge patches by what the runtime knows of JSON: for documents that it writes as they stand. */

import { lossyText, utf8 } from "../../src/lib/bytes.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Undefined where the document is no JSON; an absent one is `{}`. */
export function jsonMerged(
  document: Uint8Array | undefined,
  patch: Uint8Array,
): Uint8Array | undefined {
  const target = document === undefined ? {} : parsed(document);
  const change = parsed(patch);
  if (target === undefined || change === undefined) return undefined;
  return utf8(JSON.stringify(merged(target, change)));
}

function parsed(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(lossyText(bytes));
  } catch {
    return undefined;
  }
}

/** RFC 7396 §2. */
function merged(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, merged(result.get(name) ?? null, value));
  }
  return Object.fromEntries(result);
}

function isObject(json: Json): json is { readonly [name: string]: Json } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
