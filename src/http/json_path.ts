/** Places in JSON, as messages name them: `then[3].put.value`. */

import { lossyText } from "../lib/bytes.ts";

/** The text of a path; empty for the body itself. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += text === "" ? String(step) : `.${String(step)}`;
  }
  return text;
}

/** `member` of what stands at `at`. */
export function memberPath(at: string, member: string): string {
  return at === "" ? member : `${at}.${member}`;
}

/** What stands at a path in parsed JSON. */
export function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  let value = json;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = Object.hasOwn(value, step) ? Reflect.get(value, step) : undefined;
  }
  return value;
}

/** A value as a message quotes it: in full when it is short. */
export function shown(value: unknown): string {
  const plain = value instanceof Uint8Array ? lossyText(value) : value;
  // What is too large for a number is Infinity, of which JSON would make null.
  const text = typeof plain === "string"
    ? plain
    : typeof plain === "number"
    ? String(plain)
    : JSON.stringify(plain) ?? String(plain);
  const short = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return typeof plain === "string" ? JSON.stringify(short) : short;
}
