/**
 * The arithmetic of majorities, with nothing of Raft in it. A joint configuration (thesis §4.3)
 * decides by both of its voter sets, so every question is asked of a list of sets and all of them
 * must agree.
 */

import type { NodeId } from "./types.ts";

/** One or, in a joint configuration, two sets of voters. */
export type VoterSets = readonly (readonly NodeId[])[];

/** How many of `voters` make a majority: floor(n / 2) + 1. */
export function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** True when a majority of every set says yes. No set, or an empty one, decides nothing: false. */
export function isQuorum(sets: VoterSets, says: (voter: NodeId) => boolean): boolean {
  return sets.length > 0 &&
    sets.every((voters) => voters.length > 0 && countOf(voters, says) >= majority(voters.length));
}

/** The highest number that a majority of every set has reached; 0 where no set could decide. */
export function quorumReached(sets: VoterSets, reached: (voter: NodeId) => number): number {
  if (sets.length === 0) return 0;
  let lowest = Infinity;
  for (const voters of sets) lowest = Math.min(lowest, majorityReached(voters, reached));
  return lowest;
}

function majorityReached(voters: readonly NodeId[], reached: (voter: NodeId) => number): number {
  if (voters.length === 0) return 0;
  const descending = voters.map(reached).sort((a, b) => b - a);
  return descending[majority(voters.length) - 1] ?? 0;
}

function countOf(voters: readonly NodeId[], says: (voter: NodeId) => boolean): number {
  let count = 0;
  for (const voter of voters) if (says(voter)) count++;
  return count;
}
