/** Mistakes of the list that cannot be planted yet, or that another test catches. */

import type { Unplanted } from "./mutant.ts";

/** They need features that are not there. */
export const waiting: readonly Unplanted[] = [
  {
    id: "M27",
    what: "A snapshot lacks the configuration or the sessions",
    reason: "there are no snapshots",
  },
  {
    id: "M28",
    what: "A snapshot keeps what conflicts with it, or an older one is accepted",
    reason: "there are no snapshots",
  },
];

/** A simulated disk has no fsync to leave out. */
export const caughtElsewhere: readonly Unplanted[] = [
  {
    id: "M31",
    what: "The log is written without a sync",
    reason: "test/e2e/durability_test.ts watches the system calls of a build that does so",
  },
];
