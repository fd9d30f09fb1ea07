/**
 * Removing what nobody can read any more, a few rows at a time. The boundary is replicated and
 * moves at once; the rows go locally, whenever there is time, so that members may be at different
 * places with it and are in the same state all the same.
 *
 * Of each key the version that the oldest readable revision shows stays, and everything behind it.
 * A deletion stays as long as it is behind that revision: watches that begin there are owed it.
 */

import { type Change, type ChangeLink, type ChangeNumber, isDeletion } from "./change.ts";
import { addHash, changeChecksums } from "./checksum.ts";
import type { Revision } from "./record.ts";
import { lastChangeAt } from "./revisions.ts";
import type { Store } from "./store.ts";

/**
 * Looks at the next changes, `changesMax` at most, and removes what they made superfluous; a step
 * also ends with the value that takes what it removes past `bytesMax`. `oldest`: the oldest
 * revision that somebody may still read. Returns whether there is more to do.
 */
export function purge(
  store: Store,
  { oldest, changesMax, bytesMax }: {
    readonly oldest: Revision;
    readonly changesMax: number;
    readonly bytesMax: number;
  },
): boolean {
  const target = lastChangeAt(store.tables, oldest, store.meta);
  const through = Math.min(target, store.meta.purgedThrough + changesMax);
  let bytes = 0;
  for (let number = store.meta.purgedThrough + 1; number <= through; number++) {
    if (bytes > bytesMax) return true;
    bytes += purgeBehind(store, number);
  }
  return through < target;
}

/**
 * Removes what the change superseded, and the change itself where it is a deletion. Returns the
 * bytes of the values that went: they are read for their hashes.
 */
function purgeBehind(store: Store, number: number): number {
  const { tables, tally } = store;
  const change = tables.keyedChange(number);
  if (change === undefined) throw tables.damaged(`change ${number} is missing`);
  const { key, previous } = change;
  const superseded = previous === 0 ? undefined : tables.change(previous);
  const removed: Change[] = superseded === undefined ? [] : [superseded];
  const head = isDeletion(change) ? tables.head(key) : undefined;
  const newest = newestPassed(store, change, head);
  let { purgedHash, deadKeys } = store.meta;
  if (isDeletion(change)) {
    const deletion = tables.change(number);
    if (deletion !== undefined) removed.push(deletion);
    // Otherwise it was written again since, and is alive or died anew.
    if (head?.number === number) {
      tables.forgetDead(key);
      tally.keyMoved("dead", key, number, -1);
      deadKeys--;
    }
  }
  let bytes = 0;
  for (const each of removed) {
    tables.removeChange(each.number);
    const { hash } = changeChecksums(each);
    tally.changeRemoved(each.number, { key, hash, isNewest: each.number === newest });
    purgedHash = addHash(purgedHash, hash);
    bytes += each.valueBytes;
  }
  store.purged({ purgedThrough: number, purgedHash, deadKeys });
  return bytes;
}

/**
 * Which of `change` and the one before it is the newest change of their key among those that a pass
 * of the scrub has come past, while it is at the changes; 0: a later one is. `head`: the newest of
 * all, where `change` is a deletion; of any other one only the one before it goes.
 */
function newestPassed(
  store: Store,
  { number, previous }: ChangeLink,
  head: ChangeLink | undefined,
): ChangeNumber {
  const { counted } = store.tally;
  if (counted.part !== "changes" || number > counted.through) return previous;
  return head !== undefined && store.numberAt(head, counted) === number ? number : 0;
}
