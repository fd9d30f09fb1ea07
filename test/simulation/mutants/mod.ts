/**
 * Planted bugs: the proof that the simulator bites. Each is one mistake that real implementations
 * of Raft made, planted where a programmer of this one would make it; each alone has to be caught
 * by runs with default options. `scripts/mutants.ts` runs them, docs/TESTING.md has the table.
 */

import { contestMutants } from "./contests.ts";
import { countingMutants } from "./counting.ts";
import { durabilityMutants } from "./durability.ts";
import { imageMutants } from "./images.ts";
import { livenessMutants } from "./liveness.ts";
import { membershipMutants } from "./membership.ts";
import type { Mutant } from "./mutant.ts";
import { readMutants } from "./reads.ts";
import { replicationMutants } from "./replication.ts";
import { storeMutants } from "./store.ts";
import { voteMutants } from "./votes.ts";
import { watchMutants } from "./watches.ts";

export type { Mutant, Patch, Unplanted } from "./mutant.ts";
export { caughtElsewhere } from "./unplanted.ts";

/** The control: the source as it is, in which nothing may be found. */
export const nothingPlanted: Mutant = { id: "M0", what: "Nothing", patches: [], expected: [] };

/** All of them, in the order of their ids. */
export const mutants: readonly Mutant[] = [
  ...[voteMutants, countingMutants, replicationMutants, durabilityMutants],
  ...[readMutants, membershipMutants, livenessMutants, storeMutants, watchMutants, contestMutants],
  ...imageMutants,
].flat().sort((a, b) => numberOf(a) - numberOf(b) || (a.id < b.id ? -1 : 1));

/** The number in the list of mistakes: 30 for M30b. */
export function numberOf({ id }: { readonly id: string }): number {
  return Number(/^M([0-9]+)[a-z]?$/.exec(id)?.[1]);
}

/** The text with one patch made; throws where what it looks for does not stand exactly once. */
export function patched(text: string, { file, find, replace }: Mutant["patches"][number]): string {
  const count = text.split(find).length - 1;
  if (count === 1) return text.split(find).join(replace);
  throw new Error(`${file} has ${count} places, not one, that read:\n${find}`);
}
