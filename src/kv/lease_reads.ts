/** What can be asked of leases. */

import { userKey } from "./key_space.ts";
import type { Lease } from "./leases.ts";
import type { Answer, LeaseQuery, LeasesQuery, LeaseView } from "./query.ts";
import type { Store } from "./store.ts";

/** What is known of one lease. */
export function answerLease(store: Store, { id, keys }: LeaseQuery): Answer {
  const { revision } = store;
  const lease = store.leases.get(id);
  if (lease === undefined) return { kind: "lease", revision };
  const named = keys ? { keys: store.leases.keysOf(id).map(userKey) } : {};
  return { kind: "lease", revision, lease: viewOf(store, lease), ...named };
}

/** A page of all leases, by their ids. */
export function answerLeases(store: Store, { after, limit }: LeasesQuery): Answer {
  const { revision } = store;
  const behind = after === undefined ? {} : { after };
  const found = store.leases.list({ ...behind, countMax: limit + 1 });
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  return {
    kind: "leases",
    revision,
    leases: shown.map((lease) => viewOf(store, lease)),
    ...(found.length > limit && last !== undefined ? { next: last.id } : {}),
  };
}

function viewOf(store: Store, { id, ttlMs, deadlineMs, keys, isPrivate }: Lease): LeaseView {
  const remainingMs = Math.max(0, deadlineMs - store.meta.clusterTimeMs);
  return { id, ttlMs, remainingMs, keyCount: keys, isPrivate };
}
