/** What a run of the benchmark of cost against size has measured. */

import type { LeaseResult } from "./scale_beside.ts";
import type { SizeResult } from "./scale_size.ts";
import type { WatchResult } from "./watchers.ts";

/** All of one run, or of several together. */
export interface ScaleRun {
  /** Of the machine, for people. */
  readonly about: readonly string[];
  readonly sizes: readonly SizeResult[];
  readonly watches: readonly WatchResult[];
  readonly leases: readonly LeaseResult[];
}

/** The results of so many nodes, by rising size. */
export function sizesOf({ sizes }: ScaleRun, nodes: number): readonly SizeResult[] {
  return sizes.filter((each) => each.nodes === nodes).toSorted((a, b) => a.keys - b.keys);
}
