/**
 * Where keys stand in the tables: those of users in their order, and above all of them those that
 * the store keeps for itself (locks, elections). A user's key may be any bytes, so the first byte
 * 0xFF is given a second one, which leaves room above without taking a key from anybody:
 *
 * ```text
 * a user's key        itself; one that begins with 0xFF: 0xFF 0x00, then the rest
 * a key of the store  0xFF 0x01, then what it says
 * ```
 *
 * The order of keys is kept, so that ranges and where a page goes on translate like keys.
 */

import { concatBytes } from "../lib/bytes.ts";
import type { KeyRange } from "./record.ts";

const mark = 0xff;
const escaped = Uint8Array.of(mark, 0);

/** The first key of the store itself: the end of the users'. */
const ownStart = Uint8Array.of(mark, 1);

/** Where a user's key, or a bound of a range of such keys, stands in the tables. */
export function storedKey(key: Uint8Array): Uint8Array {
  return key[0] === mark ? concatBytes([escaped, key.subarray(1)]) : key;
}

/** Undoes {@link storedKey}. A key of the store itself comes back as it is. */
export function userKey(stored: Uint8Array): Uint8Array {
  if (stored[0] !== mark || stored[1] !== 0) return stored;
  const key = stored.slice(1);
  key[0] = mark;
  return key;
}

/** Where a range of users' keys stands; one without an end reaches up to the store's own keys. */
export function storedRange({ start, end }: KeyRange): Required<KeyRange> {
  return { start: storedKey(start), end: end === undefined ? ownStart : storedKey(end) };
}

/** True for what {@link storedKey} makes of keys, and {@link ownKey} begins with. */
export function isStoredKey(stored: Uint8Array): boolean {
  return stored.length > 0 && (stored[0] !== mark || stored[1] === 0 || stored[1] === 1);
}

/** A key of the store itself; `parts` say which. */
export function ownKey(...parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes([ownStart, ...parts]);
}

/** True for keys that {@link ownKey} makes. */
export function isOwnKey(stored: Uint8Array): boolean {
  return stored[0] === mark && stored[1] === 1;
}
