/**
 * The arithmetic of revisions. The empty store is at revision 1; each command that changes
 * something takes the next one, shared by all its changes; a command that changes nothing takes
 * none.
 */

import { assertCount } from "../lib/assert.ts";
import type { ChangeNumber } from "./change.ts";
import type { ChangePlace, KvMeta, KvTables } from "./ports.ts";
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

/** How far the changes go, and how far compaction has come with them. */
type Extent = Pick<KvMeta, "changes" | "purgedThrough">;

/**
 * The number of the last change at or before `revision`, which can still be read, found by halving:
 * numbers and revisions grow together, so no index is needed. About log2(changes) reads of one row
 * each.
 *
 * Compaction stops before the oldest revision that can be read, so what is looked for is never
 * below `purgedThrough`, and above it no row is missing: only so is the number exact. A lower one,
 * where the last change of the revision was a deletion and is gone, would send walks after that
 * row.
 */
export function lastChangeAt(
  tables: Pick<KvTables, "firstFrom">,
  revision: Revision,
  extent: Extent,
): ChangeNumber {
  return lastPlace(tables, extent, (place) => place.revision <= revision);
}

/**
 * The newest revision that was made at or before a moment of cluster time; 0 when none was, or when
 * compaction has come past it.
 */
export function revisionAt(
  tables: Pick<KvTables, "firstFrom">,
  timeMs: number,
  extent: Extent,
): Revision {
  const number = lastPlace(tables, extent, (place) => place.timeMs <= timeMs);
  return number === extent.purgedThrough ? 0 : tables.firstFrom(number)?.revision ?? 0;
}

/** The last change for which `isBefore` holds, which never holds again once it did not. */
function lastPlace(
  tables: Pick<KvTables, "firstFrom">,
  { changes, purgedThrough }: Extent,
  isBefore: (place: ChangePlace) => boolean,
): ChangeNumber {
  let low = purgedThrough + 1;
  let high = changes + 1;
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2);
    const found = tables.firstFrom(middle);
    if (found === undefined || !isBefore(found)) high = middle;
    else low = found.number + 1;
  }
  return low - 1;
}
