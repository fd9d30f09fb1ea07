/**
 * Majorities, counted anew: a mistake in the core's own counting must not excuse itself here
 * (thesis §4.3: a joint configuration decides by both of its sets).
 */

import type { Configuration, Member, NodeId } from "../../src/raft/types.ts";

/** Whether those for whom `says` holds are a majority by everything that the configuration asks. */
export function isMajority(
  { members, outgoing }: Configuration,
  says: (id: NodeId) => boolean,
): boolean {
  return isMajorityOf(members, says) && (outgoing === undefined || isMajorityOf(outgoing, says));
}

/** The ids of those who vote. */
export function votersAmong(members: readonly Member[]): readonly NodeId[] {
  return members.filter(({ suffrage }) => suffrage === "voter").map(({ id }) => id);
}

function isMajorityOf(members: readonly Member[], says: (id: NodeId) => boolean): boolean {
  const voters = votersAmong(members);
  return 2 * voters.filter(says).length > voters.length;
}
