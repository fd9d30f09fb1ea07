/**
 * Majorities, counted anew: a mistake in the core's own counting must not excuse itself here
 * (thesis §4.3: a joint configuration decides by both of its sets).
 */

import type { Configuration, Member, NodeId } from "../../src/raft/types.ts";
import type { SimNode } from "../harness/sim_node.ts";

/** Whether those for whom `says` holds are a majority by everything that the configuration asks. */
export function isMajority(
  { members, outgoing }: Configuration,
  says: (id: NodeId) => boolean,
): boolean {
  return isMajorityOf(members, says) && (outgoing === undefined || isMajorityOf(outgoing, says));
}

/**
 * Whether one of the nodes, which all run, may campaign and has a log that a majority of its
 * configuration can follow. There may be none, though each configuration has its majority: a
 * learner may hold the longest log, and is asked for its vote by a configuration that it does not
 * know of (docs/decisions/0007-who-may-campaign.md).
 */
export function canElect(nodes: readonly SimNode[]): boolean {
  return nodes.some((candidate) => {
    const status = candidate.formed?.node.status();
    if (status === undefined) return false;
    const { configuration } = status.configuration;
    const committed = candidate.disk.log.outline.configurations
      .findLast(({ position }) => position.index <= status.commitIndex);
    const mayCampaign = [configuration, ...(committed ? [committed.configuration] : [])]
      .some(({ members, outgoing = [] }) =>
        votersAmong([...members, ...outgoing]).includes(candidate.id)
      );
    return mayCampaign &&
      isMajority(
        configuration,
        (id) => nodes.some((node) => node.id === id && !isLonger(node, candidate)),
      );
  });
}

/** By the terms of the last entries, then by the lengths (paper §5.4.1). */
function isLonger({ disk: { log: one } }: SimNode, { disk: { log: other } }: SimNode): boolean {
  const [last, otherLast] = [one.outline.lastIndex, other.outline.lastIndex];
  const [term, otherTerm] = [one.outline.term(last) ?? 0, other.outline.term(otherLast) ?? 0];
  return term === otherTerm ? last > otherLast : term > otherTerm;
}

/** The ids of those who vote. */
export function votersAmong(members: readonly Member[]): readonly NodeId[] {
  return members.filter(({ suffrage }) => suffrage === "voter").map(({ id }) => id);
}

function isMajorityOf(members: readonly Member[], says: (id: NodeId) => boolean): boolean {
  const voters = votersAmong(members);
  return 2 * voters.filter(says).length > voters.length;
}
