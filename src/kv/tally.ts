/**
 * What a pass of the scrub (scrub.ts) has counted of the part of the store that it is at, kept true
 * while the store goes on: a row that comes, changes or goes behind the place that the pass has
 * come to is accounted for here; one ahead of it is counted when the pass comes there. So the sums
 * are exact at the end of each part, however much was written meanwhile.
 *
 * What is counted is replaced and never changed in place, so that who takes back what a command did
 * takes it back here by putting the old value in its place.
 */

import { compareBytes } from "../lib/bytes.ts";
import type { ChangeNumber } from "./change.ts";
import { addHash, emptyStateHash, type StateHash, subtractHash } from "./checksum.ts";

/** The part that the pass is at, how far it has come there, and what stands up to that place. */
export type Counted =
  | { readonly part: "none" }
  | { readonly part: "changes"; readonly through: ChangeNumber; readonly sum: StateHash }
  | { readonly part: "live" | "dead"; readonly through?: Uint8Array; readonly keys: number }
  | { readonly part: "ledger"; readonly through?: Uint8Array; readonly sum: StateHash };

/** See the head of this file. */
export class Tally {
  counted: Counted = { part: "none" };

  begin(part: "changes" | "live" | "dead" | "ledger"): void {
    if (part === "changes") this.counted = { part, through: 0, sum: emptyStateHash };
    else if (part === "ledger") this.counted = { part, sum: emptyStateHash };
    else this.counted = { part, keys: 0 };
  }

  /** Nothing is counted any more: the pass has ended, or what it counted is not there any more. */
  end(): void {
    this.counted = { part: "none" };
  }

  /** The pass has come past a number; `hash`: of the change there, where there is one. */
  passNumber(number: ChangeNumber, hash = emptyStateHash): void {
    const { counted } = this;
    if (counted.part !== "changes") return;
    this.counted = { part: "changes", through: number, sum: addHash(counted.sum, hash) };
  }

  /** The pass has come past a key that is live, or dead. */
  passKey(key: Uint8Array): void {
    const { counted } = this;
    if (counted.part !== "live" && counted.part !== "dead") return;
    this.counted = { part: counted.part, through: key, keys: counted.keys + 1 };
  }

  /** The pass has come past a row of the ledger. */
  passRow(key: Uint8Array, hash: StateHash): void {
    const { counted } = this;
    if (counted.part !== "ledger") return;
    this.counted = { part: "ledger", through: key, sum: addHash(counted.sum, hash) };
  }

  /** Compaction has removed a change. */
  changeRemoved(number: ChangeNumber, hash: StateHash): void {
    const { counted } = this;
    if (counted.part !== "changes" || number > counted.through) return;
    this.counted = { ...counted, sum: subtractHash(counted.sum, hash) };
  }

  /** A key has come to the live ones, or the dead ones (1), or has left them (-1). */
  keyMoved(part: "live" | "dead", key: Uint8Array, by: 1 | -1): void {
    const { counted } = this;
    if (counted.part !== part || !isBehind(key, counted.through)) return;
    this.counted = { ...counted, keys: counted.keys + by };
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

function isBehind(key: Uint8Array, through: Uint8Array | undefined): boolean {
  return through !== undefined && compareBytes(key, through) <= 0;
}
