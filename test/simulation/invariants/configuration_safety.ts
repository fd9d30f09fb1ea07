/**
 * I10: a configuration that changes who votes goes through a joint one (thesis §4.3), so that no
 * two majorities without a common member can ever decide. Checked between each configuration of
 * each log and the one before it.
 */

import { formatConfiguration } from "../../../src/raft/format.ts";
import type { Configuration, Member } from "../../../src/raft/types.ts";
import { type MakeInvariant, unwatched } from "../invariant.ts";

export const configurationSafety: MakeInvariant = (_scene, broken) => ({
  ...unwatched,
  id: "I10",
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
});

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
