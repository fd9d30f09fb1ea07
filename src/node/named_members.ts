/**
 * The configuration file of a node that has a log. Who is a member says the log; the file only
 * helped at the birth. Where it names others, somebody believes in another cluster than there is.
 */

import { allMembers, memberOf, voterSets } from "../raft/configuration.ts";
import type { Configuration, NodeId } from "../raft/types.ts";

export type NamesVerdict =
  | { readonly kind: "told"; readonly text: string }
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Compares the ids that the file names, the node's own among them, with the newest configuration in
 * its log; undefined where there is nothing to say.
 *
 * A file may be behind the cluster, and the log as well, so that a difference is only told. One is
 * refused: a file with nodes that the cluster never had, at a node that votes alone. Its log cannot
 * be behind, and it would serve as a cluster of its own beside the one that is meant.
 */
export function judgeNames(
  { self, named }: { readonly self: NodeId; readonly named: readonly NodeId[] },
  configuration: Configuration,
): NamesVerdict | undefined {
  const members = allMembers(configuration).map(({ id }) => id).sort((a, b) => a - b);
  // Without peers the file claims nothing, and a log that was lost knows nothing.
  if (named.length === 1 || members.length === 0) return undefined;
  const isNamed = members.every((id) => named.includes(id));
  if (isNamed && named.every((id) => memberOf(configuration, id) !== undefined)) return undefined;
  const sets = `The configuration names the nodes ${named.join(", ")}, and the members of the ` +
    `cluster are ${members.join(", ")}`;
  const isAlone = voterSets(configuration).every((voters) => String(voters) === String(self));
  return isAlone && named.some((id) => id > configuration.nodeIdMax)
    ? {
      kind: "refused",
      reason: `${sets}: take the others out of peers, or form the larger cluster of nodes with ` +
        "empty directories",
    }
    : { kind: "told", text: `${sets}, whatever it names` };
}
