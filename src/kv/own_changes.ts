/**
 * Which keys of the store itself have changed lately, for those on this node who wait for one of
 * them. No part of the state: it is forgotten with the process, and what a full disk takes back
 * stays noted, so that it says when to look and nothing else.
 */

import { isOwnKey } from "./key_space.ts";

/** So many of the newest changes are known. */
export const ownChangesKept = 1_024;

/** A ring of stored keys. */
export class OwnChanges {
  readonly #keys: Uint8Array[] = [];
  #count = 0;

  /** How many there were. */
  get count(): number {
    return this.#count;
  }

  /** Takes no notice of users' keys. */
  note(stored: Uint8Array): void {
    if (!isOwnKey(stored)) return;
    this.#keys[this.#count % ownChangesKept] = stored;
    this.#count++;
  }

  /** So much has changed that nobody can say what: another store has taken the place of this. */
  lose(): void {
    this.#count += ownChangesKept + 1;
  }

  /** The keys that changed after there were `count` changes; undefined where that is too many. */
  since(count: number): readonly Uint8Array[] | undefined {
    const many = this.#count - count;
    if (many > ownChangesKept) return undefined;
    return Array.from({ length: many }, (_, at) => this.#keys[(count + at) % ownChangesKept]!);
  }
}
