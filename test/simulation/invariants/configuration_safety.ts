/**
 * I10: a configuration that changes who votes goes through a joint one (thesis §4.3), so that no
 * two majorities without a common member can ever decide. Checked between each configuration of
 * each log and the one before it. And a leader makes one only once an entry of its own term is
 * committed (Ongaro's erratum of 2015).
 *
 * Whoever does not vote by its own configuration may come to lead, to finish what others need it
 * for (thesis §4.2.2), and takes nothing on: a removed node commits nothing for anybody.
 */

import { decodeConfiguration } from "../../../src/raft/encoding.ts";
import { formatConfiguration } from "../../../src/raft/format.ts";
import type { LogWrite } from "../../../src/raft/ready.ts";
import type { Configuration, Entry, Member } from "../../../src/raft/types.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";
import { votersAmong } from "../majorities.ts";

export function configurationSafety(_scene: Scene, broken: Broken): Invariant {
  return {
    ...unwatched,
    id: "I10",
    handedOver: (node, write) => {
      const { entries, hardState } = write;
      const outsider = commandOfOutsider(node, write);
      if (outsider !== undefined) broken(outsider);
      const change = entries.findLast(({ kind }) => kind === "configuration");
      const status = node.formed?.node.status();
      if (change === undefined || status?.termStart === undefined) return;
      const { term, termStart, commitIndex } = status;
      const isOwn = change.term === term && hardState?.currentTerm === term;
      if (!isOwn || commitIndex >= termStart) return;
      broken(
        `node ${node.id} leads term ${term} and changes the configuration at ${change.index}, ` +
          `before its first entry ${termStart} is committed`,
      );
    },
    persisted: (node, { entries }) => {
      if (!entries.some(({ kind }) => kind === "configuration")) return;
      const all = node.disk.log.outline.configurations;
      for (let at = 2; at < all.length; at++) {
        const [before, after] = [all[at - 1]!.configuration, all[at]!.configuration];
        if (mayFollow(before, after)) continue;
        broken(
          `node ${node.id}: ${formatConfiguration(after)} follows ${formatConfiguration(before)} ` +
            `at entry ${all[at]!.position.index}`,
        );
      }
    },
  };
}

function commandOfOutsider(
  node: SimNode,
  { entries, truncateFrom = Infinity }: LogWrite,
): string | undefined {
  const status = node.formed?.node.status();
  if (status?.termStart === undefined) return undefined;
  const { term, termStart } = status;
  const isOwn = ({ index, term: its, kind }: Entry): boolean =>
    its === term && index > termStart && kind === "command";
  if (!entries.some(isOwn)) return undefined;
  const from = Math.min(truncateFrom, entries[0]?.index ?? 0);
  let inForce = node.disk.log.outline.configurations
    .findLast(({ position: { index } }) => index < from)?.configuration;
  for (const entry of entries) {
    if (entry.kind === "configuration") inForce = decodeConfiguration(entry.data);
    if (!isOwn(entry) || inForce === undefined) continue;
    const { members, outgoing = [] } = inForce;
    if (votersAmong([...members, ...outgoing]).includes(node.id)) continue;
    return `node ${node.id} leads term ${term} and appends entry ${entry.index}, though it does ` +
      `not vote by ${formatConfiguration(inForce)}`;
  }
  return undefined;
}

function mayFollow(before: Configuration, after: Configuration): boolean {
  if (after.nodeIdMax < before.nodeIdMax) return false;
  if (before.outgoing !== undefined) {
    return after.outgoing === undefined && voters(after.members) === voters(before.members);
  }
  if (after.outgoing !== undefined) return voters(after.outgoing) === voters(before.members);
  return voters(after.members) === voters(before.members);
}

function voters(members: readonly Member[]): string {
  return String(members.filter(({ suffrage }) => suffrage === "voter").map(({ id }) => id));
}
