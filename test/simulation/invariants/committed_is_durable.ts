/**
 * I8: what a leader commits is, at that moment, on the disks of a majority of every configuration
 * that counts (paper §5.3, thesis §4.3), and ends with an entry of the leader's own term (§5.4.2).
 * Whoever acknowledges an entry has it on disk.
 *
 * A copy counts that a fault has destroyed since it was acknowledged, until its node is healed:
 * nobody can have told the leader yet.
 */

import type { NodeStatus } from "../../../src/node/parts.ts";
import { formatPosition } from "../../../src/raft/format.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";
import { isMajority } from "../majorities.ts";

export function committedIsDurable(scene: Scene, broken: Broken): Invariant {
  return {
    ...unwatched,
    id: "I8",
    sent: (node, { message }) => {
      if (message.kind !== "appendEntriesReply" || message.result.kind !== "matched") return;
      const { position } = message.result;
      if (position.index === 0 || scene.isImpostor(node)) return;
      const { outline } = node.disk.log;
      // It waited for a write that has compacted the log beyond it.
      if (position.index < outline.boundary.position.index) return;
      if (outline.term(position.index) === position.term) return;
      broken(`node ${node.id} acknowledges ${formatPosition(position)}, which is not on its disk`);
    },
    turned: (node, before, after) => {
      const text = commitFault(scene, node, before, after);
      if (text !== undefined) broken(text);
    },
  };
}

/** Takes note of what the node, as a leader, has committed; what is wrong with it, in words. */
function commitFault(
  { log, nodes }: Scene,
  node: SimNode,
  before: NodeStatus,
  after: NodeStatus,
): string | undefined {
  const { commitIndex: index } = after;
  if (index <= log.committedIndex || index === before.commitIndex) return undefined;
  // A leader may end in the turn in which it commits: when it removes itself, above all.
  const leader = after.role === "leader" ? after : before.role === "leader" ? before : undefined;
  if (leader === undefined) return undefined;
  const position = { index, term: leader.term };
  const told = `node ${node.id} commits ${formatPosition(position)}`;
  if (index < (leader.termStart ?? 0)) return `${told} by counting, which is of an earlier term`;
  const contradiction = log.commit(position);
  if (contradiction !== undefined) {
    return `${told}, and ${formatPosition(contradiction)} below it is on no disk, or another ` +
      "entry was committed in its place";
  }
  const holds = (id: number): boolean => {
    const holder = nodes.find((each) => each.id === id);
    return holder !== undefined && log.hasHeld(holder, position);
  };
  const configurations = [before, after].map(({ configuration }) => configuration.configuration);
  if (configurations.some((each) => isMajority(each, holds))) return undefined;
  return `${told}, which is not on the disks of a majority`;
}
