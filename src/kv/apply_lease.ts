/** Leases begin, go on and end. */

import { type ChangeHead, type ChangeTimes, isDeletion } from "./change.ts";
import type { ExpireLeases, GrantLease, KeepLeases } from "./command.ts";
import { type Lease, leaseKeysMax } from "./leases.ts";
import { changesPerRevisionMax, type LeaseId } from "./record.ts";
import { rejected } from "./rejected.ts";
import type { LeaseGiven, Outcome, Rejected } from "./result.ts";
import { type Stamp, stampAfter } from "./stamp.ts";
import type { Store } from "./store.ts";

/** Begins a lease, under an id that no other has. */
export function grantLease(store: Store, grant: GrantLease, { timeMs }: ChangeTimes): Outcome {
  const id = grant.id ?? store.leases.nextId();
  if (store.leases.get(id) !== undefined) {
    return rejected(store, "conflict", `lease ${id} is there already`);
  }
  const { ttlMs } = grant;
  store.leases.grant(id, { ttlMs, nowMs: timeMs, isPrivate: false });
  return { kind: "granted", revision: store.revision, lease: { id, ttlMs } };
}

/** Gives each lease its whole time again. */
export function applyKeepLeases(
  store: Store,
  { ids }: KeepLeases,
  { timeMs }: ChangeTimes,
): Outcome {
  const leases = ids.map((id): LeaseGiven | undefined => {
    const lease = store.leases.keepAlive(id, timeMs);
    return lease && { id, ttlMs: lease.ttlMs };
  });
  return { kind: "kept", revision: store.revision, leases };
}

/** Ends the lease and deletes its keys, in one revision. */
export function endLease(store: Store, id: LeaseId, times: ChangeTimes): Outcome {
  const lease = store.leases.get(id);
  if (lease === undefined) return rejected(store, "lease_not_found", `there is no lease ${id}`);
  const deleted = end(store, lease, times);
  return { kind: "ended", revision: store.revision, leases: 1, deleted };
}

/**
 * Ends those that are over by the entry's time. One entry deletes no more than one revision may:
 * what is left over is still due, and comes with another entry.
 */
export function expireLeases(
  store: Store,
  { leases: due }: ExpireLeases,
  times: ChangeTimes,
): Outcome {
  let [leases, deleted] = [0, 0];
  for (const { id, deadlineMs } of due) {
    const lease = store.leases.get(id);
    const isOver = lease?.deadlineMs === deadlineMs && deadlineMs <= times.timeMs;
    if (lease === undefined || !isOver || deleted + lease.keys > changesPerRevisionMax) continue;
    deleted += end(store, lease, times);
    leases++;
  }
  return { kind: "ended", revision: store.revision, leases, deleted };
}

function end(store: Store, lease: Lease, times: ChangeTimes): number {
  const stamp = stampAfter(store, times);
  const keys = store.leases.keysOf(lease.id, { countMax: leaseKeysMax });
  store.leases.end(lease);
  for (const key of keys) {
    const head = store.head(key);
    if (head === undefined) {
      throw store.tables.damaged(`lease ${lease.id} has a key that is not there`);
    }
    store.delete(stamp, key, head);
  }
  return keys.length;
}

/** Why `head`'s key cannot be attached to the lease; undefined where none is asked for, too. */
export function leaseRefusal(
  store: Store,
  id: LeaseId | undefined,
  head: ChangeHead | undefined,
): Rejected | undefined {
  if (id === undefined) return undefined;
  const lease = store.leases.get(id);
  if (lease === undefined) return rejected(store, "lease_not_found", `there is no lease ${id}`);
  if (lease.isPrivate) {
    return rejected(store, "lease_not_found", `lease ${id} belongs to one key alone`);
  }
  const isItsOwn = head !== undefined && !isDeletion(head) && head.lease === id;
  if (isItsOwn || lease.keys < leaseKeysMax) return undefined;
  return rejected(store, "lease_full", `lease ${id} has ${leaseKeysMax} keys, which is the most`);
}

/** A lease for one key alone; returns its id. */
export function grantPrivate(store: Store, ttlMs: number, { timeMs: nowMs }: Stamp): LeaseId {
  return store.leases.grant(store.leases.nextId(), { ttlMs, nowMs, isPrivate: true }).id;
}
