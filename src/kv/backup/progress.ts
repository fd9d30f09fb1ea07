/** How far a backup was looked at: what each of its records is compared with. */

import type { Revision } from "../record.ts";
import type { BackupSection } from "./format.ts";

/** How far the records have come: all that the next one is compared with. */
export interface BackupProgress {
  readonly section: BackupSection;
  /** Of the last change. */
  readonly revision: Revision;
  readonly timeMs: number;
  /** What the record after it must be above: see the order in format.ts. */
  readonly last: Uint8Array;
  /** The newest number of the last stream, whose scope is `last`; undefined before the first. */
  readonly newest: number | undefined;
}

/** Before the first record. */
export const noProgress: BackupProgress = {
  section: "leases",
  revision: 0,
  timeMs: 0,
  last: new Uint8Array(0),
  newest: undefined,
};
