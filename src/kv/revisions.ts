/**
 * The arithmetic of revisions. The empty store is at revision 1; each command that changes
 * something takes the next one, shared by all its changes; a command that changes nothing takes
 * none.
 */

import { assertCount } from "../lib/assert.ts";
import type { ChangeNumber } from "./change.ts";
import type { KvTables } from "./ports.ts";
import type { Revision } from "./record.ts";

/** The state of the store right after a revision. */
export interface View {
  readonly revision: Revision;
  /** The last change that belongs to it. */
  readonly through: ChangeNumber;
}

/** What a command that changes something takes. A broken assertion above 2^53 − 1. */
export function nextRevision(revision: Revision): Revision {
  return assertCount(revision + 1, "revision");
}

/**
 * The number of the last change at or before `revision`, found by halving: numbers and revisions
 * grow together, so no index is needed. About log2(`last`) reads of one row each. Exact only for
 * revisions that can still be read.
 */
export function lastChangeAt(
  tables: Pick<KvTables, "firstFrom">,
  revision: Revision,
  last: ChangeNumber,
): ChangeNumber {
  let low = 1;
  let high = last + 1;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    const found = tables.firstFrom(middle);
    if (found === undefined || found.revision > revision) high = middle;
    else low = found.number + 1;
  }
  return low - 1;
}
