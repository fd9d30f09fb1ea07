/**
 * Contestants as keys of the store itself: those of one name are neighbours, in the order in which
 * they came, so that the first of them holds. They are attached to leases like any keys, which
 * takes them away when their leases end, and users see none of them (contest_keys.ts).
 */

import { prefixEnd } from "../lib/bytes.ts";
import { type ChangeHead, isDeletion, type KeyedChange } from "./change.ts";
import { contestantsMax, type Contested } from "./contest_command.ts";
import { contestPrefix, tokenBytes } from "./contest_keys.ts";
import { ownKey } from "./key_space.ts";
import { countAt, orderedCount } from "./ledger.ts";
import type { ContestHolder } from "./query.ts";
import type { KeyRange, LeaseId, Revision } from "./record.ts";
import type { Store } from "./store.ts";

/** The contestants of one name. */
export class Contest {
  readonly #store: Store;
  readonly #prefix: Uint8Array;
  readonly #range: KeyRange;

  constructor(store: Store, contested: Contested) {
    this.#store = store;
    this.#prefix = contestPrefix(contested);
    const end = prefixEnd(this.#prefix);
    this.#range = { start: this.#prefix, ...(end === undefined ? {} : { end }) };
  }

  keyOf(token: Revision): Uint8Array {
    return ownKey(this.#prefix.subarray(2), orderedCount(token));
  }

  /** The newest change of the contestant; undefined where there is none now. */
  headOf(token: Revision): (ChangeHead & { readonly lease: LeaseId }) | undefined {
    const head = this.#store.head(this.keyOf(token));
    if (head === undefined || isDeletion(head)) return undefined;
    return { ...head, lease: this.#leaseOf(head) };
  }

  /** Who came first. */
  holder(): ContestHolder | undefined {
    const rows = { ...this.#range, rowsMax: 1, reverse: false, values: true };
    const first = this.#store.tables.liveSlice(rows)[0];
    if (first === undefined) return undefined;
    return {
      token: this.#tokenOf(first.key),
      lease: this.#leaseOf(first),
      value: this.#valueOf(first),
      mod: first.revision,
    };
  }

  /** The token of the contestant that hangs on the lease. */
  tokenOfLease(id: LeaseId): Revision | undefined {
    const key = this.#store.leases.firstKeyOf(id, this.#prefix);
    return key && this.#tokenOf(key);
  }

  /** How many there are; those before `token` where that is given. There are contestantsMax. */
  count(token?: Revision): number {
    const range = token === undefined ? this.#range : { ...this.#range, end: this.keyOf(token) };
    return this.#store.tables.countLive({ ...range, rowsMax: contestantsMax, reverse: false })
      .count;
  }

  #tokenOf(key: Uint8Array): Revision {
    return countAt(key, key.length - tokenBytes);
  }

  #valueOf({ value, number, key }: KeyedChange): Uint8Array {
    const found = value ?? this.#store.recordOfChange(number, key)?.value;
    if (found === undefined) throw this.#store.tables.damaged("a contestant has no value");
    return found;
  }

  #leaseOf({ lease, number }: ChangeHead): LeaseId {
    if (lease !== undefined) return lease;
    throw this.#store.tables.damaged(`the contestant of change ${number} has no lease`);
  }
}
