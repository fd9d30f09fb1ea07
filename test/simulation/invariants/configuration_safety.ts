/**
 * I10: a configuration that changes who votes goes through a joint one (thesis §4.3), so that no
 * two majorities without a common member can ever decide. Checked between each configuration of
 * each log and the one before it. And a leader makes one only once an entry of its own term is
 * committed (Ongaro's erratum of 2015).
 */

import { formatConfiguration } from "../../../src/raft/format.ts";
import type { Configuration, Member } from "../../../src/raft/types.ts";
import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";

export function configurationSafety(_scene: Scene, broken: Broken): Invariant {
  return {
    ...unwatched,
    id: "I10",
    handedOver: (node, { entries, hardState }) => {
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
