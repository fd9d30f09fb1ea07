/** What a seed of the chaos draws before it begins: the cluster, its options, its troubles. */

import type { Prng } from "../../src/lib/prng.ts";
import type { Configuration, NodeId, RaftOptions } from "../../src/raft/types.ts";
import { raftOptions } from "./raft_node.ts";

/** How the world of one seed is: every trouble is off in half of them. */
export interface RaftWeather {
  readonly voters: number;
  readonly learners: number;
  readonly changesMembers: boolean;
  readonly losesDisks: boolean;
  readonly writesInflightMax: number;
  readonly lossPercent: number;
  readonly repeatPercent: number;
  /** Messages of long ago come once more. */
  readonly replayPermille: number;
  readonly reorders: boolean;
  readonly crashPermille: number;
  readonly pausePermille: number;
  readonly jumpPermille: number;
  readonly cutPermille: number;
  readonly slowDisks: boolean;
  /** Logs are compacted, so that who is far behind needs an image. */
  readonly compacts: boolean;
  readonly options: RaftOptions;
}

/** Draws the world of a seed. */
export function drawWeather(prng: Prng): RaftWeather {
  const some = (max: number): number => prng.chance(1, 2) ? 0 : 1 + prng.below(max);
  const voters = 1 + prng.below(5);
  const changesMembers = prng.chance(1, 2);
  const electionTimeoutMinMs = prng.chance(1, 3) ? 1000 : 300;
  const options = {
    ...raftOptions,
    heartbeatIntervalMs: electionTimeoutMinMs / 10,
    electionTimeoutMinMs,
    electionTimeoutMaxMs: 2 * electionTimeoutMinMs,
    inflightMessagesMax: 1 + prng.below(8),
    appendBytesMax: prng.chance(1, 3) ? 1 : 64 + prng.below(400),
    logCacheBytesMax: prng.below(2) * 4000,
    ...(prng.chance(1, 3) && { lease: { clockDriftPermille: 0, marginMs: 0 } }),
  };
  return {
    voters,
    learners: prng.below(2),
    changesMembers,
    losesDisks: voters >= 3 && !changesMembers && prng.chance(1, 4),
    writesInflightMax: 1 + prng.below(3),
    lossPercent: some(20),
    repeatPercent: some(20),
    replayPermille: some(30),
    reorders: prng.chance(1, 2),
    crashPermille: some(10),
    pausePermille: some(10),
    jumpPermille: some(5),
    cutPermille: some(10),
    slowDisks: prng.chance(1, 2),
    compacts: prng.chance(1, 2),
    options,
  };
}

type Counted =
  | ("accepted" | "readable" | "transferred" | "changed")
  | ("truncated" | "crashed" | "disksLost" | "recovered" | "compacted" | "adopted");

/** What a run counts, all zero. */
export function noCounts(): Record<Counted, number> {
  return {
    accepted: 0,
    readable: 0,
    transferred: 0,
    changed: 0,
    truncated: 0,
    crashed: 0,
    disksLost: 0,
    recovered: 0,
    compacted: 0,
    adopted: 0,
  };
}

/** Some leave, perhaps one comes, and who votes is drawn anew; undefined when nobody would. */
export function drawMembers(
  prng: Prng,
  { members, nodeIdMax }: Configuration,
): { readonly voters: readonly NodeId[]; readonly learners: readonly NodeId[] } | undefined {
  const ids = members.map(({ id }) => id).filter(() => !prng.chance(1, 4));
  if (prng.chance(1, 2) && nodeIdMax < 9) ids.push(nodeIdMax + 1);
  const voters = ids.filter(() => prng.chance(4, 5));
  if (voters.length === 0) return undefined;
  return { voters, learners: ids.filter((id) => !voters.includes(id)) };
}
