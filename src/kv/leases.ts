/**
 * Leases: promises that keys vanish together unless somebody keeps the lease alive. Time is cluster
 * time, which every command carries; nothing here reads a clock, and nothing ends by itself: a
 * lease ends when a command says so.
 */

import { assertCount } from "../lib/assert.ts";
import { ByteReader, ByteWriter, emptyBytes } from "../lib/bytes.ts";
import type { BackupLease } from "./backup/format.ts";
import type { Facts } from "./facts.ts";
import {
  countAt,
  leaseAt,
  type Ledger,
  ledgerKey,
  ledgerKind,
  orderedCount,
  orderedLease,
} from "./ledger.ts";
import type { LeaseId } from "./record.ts";

/** A lease as it stands. */
export interface Lease {
  readonly id: LeaseId;
  /** What was asked for, and what each keepalive gives again, ms. */
  readonly ttlMs: number;
  /** In cluster time. From then on a command may end it. */
  readonly deadlineMs: number;
  /** How many keys are attached to it. */
  readonly keys: number;
  /** Belongs to the one key that was put with a time to live, and goes when that key does. */
  readonly isPrivate: boolean;
}

/** At most so many keys belong to one lease: they vanish in one revision. */
export const leaseKeysMax = 10_000;
export const leaseTtlMsMin = 1_000;
export const leaseTtlMsMax = 366 * 24 * 60 * 60 * 1_000;

/** All leases of a store, in its ledger. */
export class LeaseBook {
  readonly #ledger: Ledger;
  readonly #facts: Facts;

  constructor(ledger: Ledger, facts: Facts) {
    this.#ledger = ledger;
    this.#facts = facts;
  }

  get(id: LeaseId): Lease | undefined {
    const row = this.#ledger.get(ledgerKey(ledgerKind.lease, orderedLease(id)));
    return row && leaseOfRow(id, row);
  }

  /** An id that no lease has, chosen in the same way on every member. */
  nextId(): LeaseId {
    for (;;) {
      const number = assertCount(this.#facts.meta.leasesNumbered + 1, "leasesNumbered");
      this.#facts.set({ leasesNumbered: number });
      const id = String(number);
      if (this.get(id) === undefined) return id;
    }
  }

  /** Adds a lease, which must not exist. `nowMs`: cluster time. */
  grant(
    id: LeaseId,
    { ttlMs, nowMs, isPrivate }: Pick<Lease, "ttlMs" | "isPrivate"> & { readonly nowMs: number },
  ): Lease {
    const lease = { id, ttlMs, deadlineMs: nowMs + ttlMs, keys: 0, isPrivate };
    this.#put(lease);
    this.#ledger.set(deadlineKey(lease), emptyBytes);
    this.#facts.set({ leases: this.#facts.meta.leases + 1 });
    return lease;
  }

  /** Moves the deadline to a whole time to live from now; undefined when there is no such lease. */
  keepAlive(id: LeaseId, nowMs: number): Lease | undefined {
    const lease = this.get(id);
    if (lease === undefined) return undefined;
    const kept = { ...lease, deadlineMs: nowMs + lease.ttlMs };
    if (kept.deadlineMs === lease.deadlineMs) return lease;
    this.#ledger.delete(deadlineKey(lease));
    this.#ledger.set(deadlineKey(kept), emptyBytes);
    this.#put(kept);
    return kept;
  }

  /** Forgets the lease. Its keys are not touched: read {@link keysOf} before. */
  end(lease: Lease): void {
    this.#ledger.delete(ledgerKey(ledgerKind.lease, orderedLease(lease.id)));
    this.#ledger.delete(deadlineKey(lease));
    this.#facts.set({ leases: this.#facts.meta.leases - 1 });
  }

  /** The key belongs to the lease from now on; it must not belong to it yet. */
  attach(id: LeaseId, storedKey: Uint8Array): void {
    const lease = this.get(id);
    // A backup may name one that has ended, or that it does not hold.
    if (lease === undefined) return;
    this.#ledger.set(attachedKey(id, storedKey), emptyBytes);
    this.#put({ ...lease, keys: lease.keys + 1 });
  }

  /** Undoes {@link attach}. A private lease ends with that, unless it is only being loaded. */
  detach(id: LeaseId, storedKey: Uint8Array, { isLoading = false } = {}): void {
    const attached = attachedKey(id, storedKey);
    // One of that id may have been granted since.
    if (this.#ledger.get(attached) === undefined) return;
    this.#ledger.delete(attached);
    const lease = this.get(id);
    if (lease === undefined) return;
    if (lease.isPrivate && !isLoading) this.end(lease);
    else this.#put({ ...lease, keys: Math.max(0, lease.keys - 1) });
  }

  /** Adds a lease of a backup, whose time stands still until {@link start}. */
  load({ id, ttlMs, remainingMs, isPrivate }: BackupLease): void {
    this.#put({ id, ttlMs, deadlineMs: remainingMs, keys: 0, isPrivate });
    this.#facts.set({ leases: this.#facts.meta.leases + 1 });
  }

  /** No id up to here is chosen from now on. */
  numberAbove(number: number): void {
    const { leasesNumbered } = this.#facts.meta;
    this.#facts.set({ leasesNumbered: Math.max(leasesNumbered, number) });
  }

  /** The time that remains of a loaded lease runs from now on. */
  start(loaded: Lease, nowMs: number): void {
    const lease = { ...loaded, deadlineMs: nowMs + loaded.deadlineMs };
    this.#put(lease);
    this.#ledger.set(deadlineKey(lease), emptyBytes);
  }

  /** The stored keys of the lease behind `after`, in their order. */
  keysOf(
    id: LeaseId,
    { after, countMax }: { readonly after?: Uint8Array; readonly countMax: number },
  ): readonly Uint8Array[] {
    const prefix = ledgerKey(ledgerKind.leaseKey, orderedLease(id));
    const behind = after === undefined ? {} : { after: attachedKey(id, after) };
    return this.#ledger.rowsOf(prefix, { rowsMax: countMax, ...behind })
      .map(({ key }) => key.subarray(prefix.length));
  }

  /** The first stored key of the lease that begins with `start`. */
  firstKeyOf(id: LeaseId, start: Uint8Array): Uint8Array | undefined {
    const prefix = ledgerKey(ledgerKind.leaseKey, orderedLease(id), start);
    const row = this.#ledger.rowsOf(prefix, { rowsMax: 1 })[0];
    return row?.key.subarray(prefix.length - start.length);
  }

  /** The leases whose deadlines are over, the oldest first. */
  due(nowMs: number, countMax: number): readonly Pick<Lease, "id" | "deadlineMs">[] {
    // Mostly there is none, which one row tells.
    if ((this.nextDeadlineMs() ?? Infinity) > nowMs) return [];
    return this.#deadlines(countMax).filter(({ deadlineMs }) => deadlineMs <= nowMs);
  }

  /** The nearest deadline. */
  nextDeadlineMs(): number | undefined {
    return this.#deadlines(1)[0]?.deadlineMs;
  }

  #deadlines(countMax: number): readonly Pick<Lease, "id" | "deadlineMs">[] {
    return this.#ledger.rowsOf(ledgerKey(ledgerKind.deadline), { rowsMax: countMax })
      .map(({ key }) => ({ deadlineMs: countAt(key, 1), id: leaseAt(key, 9) }));
  }

  /** A page of all leases, by their ids. */
  list(
    { after, countMax }: { readonly after?: LeaseId; readonly countMax: number },
  ): readonly Lease[] {
    const prefix = ledgerKey(ledgerKind.lease);
    const behind = after === undefined
      ? {}
      : { after: ledgerKey(ledgerKind.lease, orderedLease(after)) };
    return this.#ledger.rowsOf(prefix, { rowsMax: countMax, ...behind })
      .map(({ key, value }) => leaseOfRow(leaseAt(key, 1), value));
  }

  #put(lease: Lease): void {
    const row = new ByteWriter(32).varint(lease.ttlMs).varint(lease.deadlineMs);
    row.varint(lease.keys).u8(lease.isPrivate ? 1 : 0);
    this.#ledger.set(ledgerKey(ledgerKind.lease, orderedLease(lease.id)), row.finish());
  }
}

function leaseOfRow(id: LeaseId, row: Uint8Array): Lease {
  const reader = new ByteReader(row);
  return {
    id,
    ttlMs: reader.varint(),
    deadlineMs: reader.varint(),
    keys: reader.varint(),
    isPrivate: reader.u8() === 1,
  };
}

function deadlineKey({ id, deadlineMs }: Pick<Lease, "id" | "deadlineMs">): Uint8Array {
  return ledgerKey(ledgerKind.deadline, orderedCount(deadlineMs), orderedLease(id));
}

function attachedKey(id: LeaseId, storedKey: Uint8Array): Uint8Array {
  return ledgerKey(ledgerKind.leaseKey, orderedLease(id), storedKey);
}
