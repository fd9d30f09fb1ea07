/** Mistakes of the list that another test catches. */

import type { Unplanted } from "./mutant.ts";

/** A simulated disk has no fsync to leave out. */
export const caughtElsewhere: readonly Unplanted[] = [
  {
    id: "M31",
    what: "The log is written without a sync",
    reason: "test/e2e/durability_test.ts watches the system calls of a build that does so",
  },
];
