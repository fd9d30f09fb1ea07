/**
 * The keys of contestants, which are keys of the store itself:
 *
 * ```text
 * contestant   area:1 length of the name:2 name revision:8   → owner or value
 * ```
 *
 * The revision is the one that made the contestant. It is its token: each holder of a name has a
 * higher one than those before it.
 */

import { type ContestArea, type Contested, contestNameBytesMax } from "./contest_command.ts";
import { isOwnKey, ownKey } from "./key_space.ts";

const areaByte = { lock: 1, election: 2 } as const satisfies Record<ContestArea, number>;
/** Of the revision at the end. */
export const tokenBytes = 8;

/** What the keys of all contestants of a name begin with. */
export function contestPrefix({ area, name }: Contested): Uint8Array {
  const length = Uint8Array.of(name.length >>> 8, name.length & 0xff);
  return ownKey(Uint8Array.of(areaByte[area]), length, name);
}

/** Undoes {@link contestPrefix} for the key of a contestant; undefined for any other key. */
export function contestOfKey(stored: Uint8Array): Uint8Array | undefined {
  return isOwnKey(stored) ? stored.subarray(0, stored.length - tokenBytes) : undefined;
}

/** True for the key of a contestant; of the keys of the store itself there are no others. */
export function isContestKey(stored: Uint8Array): boolean {
  const head = ownKey().length + 3;
  const length = stored.length - head - tokenBytes;
  const isArea = Object.values(areaByte).some((area) => area === stored[head - 3]);
  const named = stored[head - 2]! * 0x100 + stored[head - 1]!;
  return isArea && length >= 1 && length <= contestNameBytesMax && named === length;
}
