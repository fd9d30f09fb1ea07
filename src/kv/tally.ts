/**
 * What a pass of the scrub (scrub.ts) has counted of the part of the store that it is at, kept true
 * while the store goes on: a row that comes, changes or goes behind the place that the pass has
 * come to is accounted for here; one ahead of it is counted when the pass comes there. So the sums
 * are exact at the end of each part, however much was written meanwhile.
 *
 * That the live and the dead keys lead to the newest changes is counted, too, and not looked up:
 * rows of one table in the order of another stand anywhere on the disk, one read each. `heads` is a
 * sum of {@link headHash}. While the pass is at the changes, it is that of the newest change of
 * each key among those passed; from then on, that of the rows of live and dead keys that are still
 * ahead. The two are the same where the one part ends and the other begins, and behind the last row
 * nothing is left.
 *
 * What is counted is replaced and never changed in place, so that who takes back what a command did
 * takes it back here by putting the old value in its place.
 */

import { compareBytes } from "../lib/bytes.ts";
import type { ChangeNumber } from "./change.ts";
import { addHash, emptyStateHash, headHash, type StateHash, subtractHash } from "./checksum.ts";

interface CountedChanges {
  readonly part: "changes";
  readonly through: ChangeNumber;
  readonly sum: StateHash;
  readonly heads: StateHash;
}

interface CountedKeys {
  readonly part: "live" | "dead";
  readonly through?: Uint8Array;
  readonly keys: number;
  readonly heads: StateHash;
}

/** The part that the pass is at, how far it has come there, and what stands up to that place. */
export type Counted =
  | { readonly part: "none" }
  | CountedChanges
  | CountedKeys
  | { readonly part: "ledger"; readonly through?: Uint8Array; readonly sum: StateHash };

/** See the head of this file. */
export class Tally {
  counted: Counted = { part: "none" };

  begin(part: "changes" | "live" | "dead" | "ledger"): void {
    const sum = emptyStateHash;
    if (part === "changes") this.counted = { part, through: 0, sum, heads: sum };
    else if (part === "ledger") this.counted = { part, sum };
    else this.counted = { part, keys: 0, heads: headsOf(this.counted) };
  }

  /** Nothing is counted any more: the pass has ended, or what it counted is not there any more. */
  end(): void {
    this.counted = { part: "none" };
  }

  /**
   * The pass has come past change `number`. `hash`: its own; `heads`: what it adds to those of the
   * newest changes, in the place of the change before it.
   */
  passChange(number: ChangeNumber, hash: StateHash, heads: StateHash): void {
    const { counted } = this;
    if (counted.part !== "changes") return;
    this.counted = {
      part: "changes",
      through: number,
      sum: addHash(counted.sum, hash),
      heads: addHash(counted.heads, heads),
    };
  }

  /** The pass has come past the row of a key that is live, or dead. */
  passKey(key: Uint8Array, number: ChangeNumber): void {
    const { counted } = this;
    if (counted.part !== "live" && counted.part !== "dead") return;
    const heads = subtractHash(counted.heads, headHash(key, number));
    this.counted = { part: counted.part, through: key, keys: counted.keys + 1, heads };
  }

  /** The pass has come past a row of the ledger. */
  passRow(key: Uint8Array, hash: StateHash): void {
    const { counted } = this;
    if (counted.part !== "ledger") return;
    this.counted = { part: "ledger", through: key, sum: addHash(counted.sum, hash) };
  }

  /**
   * Compaction has removed change `number` of `key`. `isNewest`: of those changes of its key that
   * the pass has come past, if it has come past this one.
   */
  changeRemoved(
    number: ChangeNumber,
    { key, hash, isNewest }: {
      readonly key: Uint8Array;
      readonly hash: StateHash;
      readonly isNewest: boolean;
    },
  ): void {
    const { counted } = this;
    if (counted.part !== "changes" || number > counted.through) return;
    const heads = isNewest ? subtractHash(counted.heads, headHash(key, number)) : counted.heads;
    this.counted = { ...counted, sum: subtractHash(counted.sum, hash), heads };
  }

  /** A row of a key that leads to change `number` has come (1), or has gone (-1). */
  keyMoved(part: "live" | "dead", key: Uint8Array, number: ChangeNumber, by: 1 | -1): void {
    const { counted } = this;
    if (counted.part !== "live" && counted.part !== "dead") return;
    if (part === counted.part && isBehind(key, counted.through)) {
      this.counted = { ...counted, keys: counted.keys + by };
    } else if (part === counted.part || part === "dead") {
      // Ahead of the pass: the dead ones come behind all the live ones.
      const hash = headHash(key, number);
      const heads = by === 1 ? addHash(counted.heads, hash) : subtractHash(counted.heads, hash);
      this.counted = { ...counted, heads };
    }
  }

  /** A row of the ledger has come. */
  rowAdded(key: Uint8Array, hash: StateHash): void {
    const { counted } = this;
    if (counted.part !== "ledger" || !isBehind(key, counted.through)) return;
    this.counted = { ...counted, sum: addHash(counted.sum, hash) };
  }

  /** A row of the ledger has gone. */
  rowRemoved(key: Uint8Array, hash: StateHash): void {
    const { counted } = this;
    if (counted.part !== "ledger" || !isBehind(key, counted.through)) return;
    this.counted = { ...counted, sum: subtractHash(counted.sum, hash) };
  }
}

/** What the part before leaves to the next one. */
function headsOf(counted: Counted): StateHash {
  return counted.part === "none" || counted.part === "ledger" ? emptyStateHash : counted.heads;
}

function isBehind(key: Uint8Array, through: Uint8Array | undefined): boolean {
  return through !== undefined && compareBytes(key, through) <= 0;
}
