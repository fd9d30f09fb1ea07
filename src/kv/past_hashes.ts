/**
 * The hash of the state at some positions of the log, so that members can compare where they are
 * never at the same position at the same time: each keeps it at the same indexes.
 */

import type { LogPosition } from "../raft/types.ts";
import { addHash, type StateHash } from "./checksum.ts";
import type { KvMeta } from "./ports.ts";

/** The state after the entry at a position: the same on all members, whatever they compacted. */
export interface PositionedHash {
  readonly position: LogPosition;
  readonly hash: StateHash;
}

/** The hash is kept at indexes that are multiples of this: some tenths of a second of much work. */
export const hashedEvery = 1_024;
/** So many of the newest ones: seconds of work, by which members may be apart. */
export const hashesMax = 64;

/** Of everything that members share: keys with their past, and the ledger. */
export function hashOf({ stateHash, ledgerHash }: KvMeta): StateHash {
  return addHash(stateHash, ledgerHash);
}

/** The newest {@link hashesMax} hashes, ascending. */
export class PastHashes {
  #kept: PositionedHash[] = [];

  /** The entry at `position` was applied, which has led to `meta`. */
  note(position: LogPosition, meta: KvMeta): void {
    if (position.index % hashedEvery !== 0) return;
    this.#kept.push({ position, hash: hashOf(meta) });
    if (this.#kept.length > hashesMax) this.#kept.shift();
  }

  /** The store has fallen back to `index`. */
  backTo(index: number): void {
    this.#kept = this.#kept.filter(({ position }) => position.index <= index);
  }

  /** Those, and how it is now. */
  through(meta: KvMeta): readonly PositionedHash[] {
    const { applied } = meta;
    if (this.#kept.at(-1)?.position.index === applied.index) return [...this.#kept];
    return [...this.#kept, { position: applied, hash: hashOf(meta) }];
  }
}
