/**
 * Majorities, counted anew: a mistake in the core's own counting must not excuse itself here
 * (thesis §4.3: a joint configuration decides by both of its sets).
 */

import type { Configuration, Member, NodeId } from "../../src/raft/types.ts";
import type { SimNode } from "../harness/sim_node.ts";
import type { ClusterLog } from "./cluster_log.ts";

/** Whether those for whom `says` holds are a majority by everything that the configuration asks. */
export function isMajority(
  configuration: Configuration,
  says: (id: NodeId) => boolean,
): boolean {
  return voterSetsOf(configuration).every((voters) =>
    2 * voters.filter(says).length > voters.length
  );
}

/** The ids of those who vote. */
export function votersAmong(members: readonly Member[]): readonly NodeId[] {
  return members.filter(({ suffrage }) => suffrage === "voter").map(({ id }) => id);
}

/** Whether it lists the node, be it among those who leave. */
export function lists({ members, outgoing = [] }: Configuration, wanted: NodeId): boolean {
  return [...members, ...outgoing].some(({ id }) => id === wanted);
}

/**
 * Whether the copies that are left are enough: of each set that decides no more than a minority is
 * lost, so that whatever it has decided is left somewhere, and whoever is elected has it.
 */
export function outlives(configuration: Configuration, lost: readonly NodeId[]): boolean {
  return voterSetsOf(configuration).every((voters) =>
    voters.filter((id) => lost.includes(id)).length <= Math.floor((voters.length - 1) / 2)
  );
}

/**
 * Every configuration that may still decide something: what any of the nodes holds, be it on its
 * way to the disk. What lies before the newest committed one decides nothing any more, because a
 * majority of that holds it and votes for no log without it.
 */
export function configurationsInForce(
  nodes: readonly SimNode[],
  log: ClusterLog,
): readonly Configuration[] {
  const from = log.configuration?.position.index ?? 0;
  return nodes.flatMap(({ disk, formed }) => {
    const held = formed === undefined ? [] : [formed.node.status().configuration];
    return [...disk.log.outline.configurations, ...held]
      .filter(({ position: { index } }) => index > 0 && index >= from)
      .map(({ configuration }) => configuration);
  });
}

function voterSetsOf({ members, outgoing }: Configuration): readonly (readonly NodeId[])[] {
  const sets = [votersAmong(members)];
  return outgoing === undefined ? sets : [...sets, votersAmong(outgoing)];
}
