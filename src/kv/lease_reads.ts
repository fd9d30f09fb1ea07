/** What can be asked of leases. */

import { isOwnKey, storedKey, userKey } from "./key_space.ts";
import type { Lease } from "./leases.ts";
import type { Answer, LeaseKeysPage, LeaseQuery, LeasesQuery, LeaseView } from "./query.ts";
import type { LeaseId } from "./record.ts";
import type { Store } from "./store.ts";

/** What is known of one lease. */
export function answerLease(store: Store, { id, keys }: LeaseQuery): Answer {
  const { revision } = store;
  const lease = store.leases.get(id);
  if (lease === undefined) return { kind: "lease", revision };
  const named = keys === undefined ? {} : keysOf(store, id, keys);
  return { kind: "lease", revision, lease: viewOf(store, lease), ...named };
}

/** Keys that are read in one go: as long as they may be, that is 2 MiB. */
const keysSliceMax = 256;

function keysOf(store: Store, id: LeaseId, { after, limit, bytesMax }: LeaseKeysPage): {
  readonly keys: readonly Uint8Array[];
  readonly more?: true;
} {
  const keys: Uint8Array[] = [];
  let last = after && storedKey(after);
  let bytes = 0;
  for (;;) {
    const countMax = Math.min(limit - keys.length + 1, keysSliceMax);
    const slice = store.leases.keysOf(
      id,
      last === undefined ? { countMax } : { countMax, after: last },
    );
    for (const key of slice) {
      // The store's own keys stand behind those of users.
      if (isOwnKey(key)) return { keys };
      if (keys.length >= limit || bytes > bytesMax) return { keys, more: true };
      const named = userKey(key);
      bytes += named.length;
      keys.push(named);
    }
    last = slice.at(-1);
    if (slice.length < countMax) return { keys };
  }
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
