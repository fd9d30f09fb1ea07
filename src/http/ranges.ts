/** Ranges of keys as requests name them: a prefix, or a start and an end. */

import { compareBytes, emptyBytes, lossyText, prefixEnd } from "../lib/bytes.ts";
import type { KeyTarget } from "../service/contract.ts";
import type { Issue } from "../service/errors.ts";

/** The members that name a range of keys. */
export interface RangeOptions {
  readonly prefix?: Uint8Array | undefined;
  readonly start?: Uint8Array | undefined;
  readonly end?: Uint8Array | undefined;
}

export type KeyRange = Extract<KeyTarget, { readonly kind: "range" }>;

/** Why the members contradict each other; the message begins with the member. */
export function rangeFlaw({ prefix, start, end }: RangeOptions): Issue | undefined {
  if (prefix !== undefined) {
    if (start === undefined && end === undefined) return undefined;
    return { path: "prefix", message: "prefix is given together with start or end" };
  }
  if (start === undefined || end === undefined || compareBytes(start, end) <= 0) return undefined;
  const shown = (key: Uint8Array): string => JSON.stringify(lossyText(key.subarray(0, 200)));
  const message = `start is ${shown(start)}, which is above end, ${shown(end)}`;
  return { path: "start", message };
}

/** The range that members without a {@link rangeFlaw} name; all keys when they name none. */
export function rangeOf({ prefix, start, end }: RangeOptions): KeyRange {
  return prefix === undefined ? range(start ?? emptyBytes, end) : range(prefix, prefixEnd(prefix));
}

function range(start: Uint8Array, end: Uint8Array | undefined): KeyRange {
  return end === undefined ? { kind: "range", start } : { kind: "range", start, end };
}

/** It names every key there may be. */
export function isEverything({ start, end }: KeyRange): boolean {
  return start.length === 0 && end === undefined;
}
