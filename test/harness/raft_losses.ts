/** What crashes take from the disks of cores in a random world. */

import type { Prng } from "../../src/lib/prng.ts";
import type { RaftNode } from "./raft_node.ts";

/** One node at a time loses something: then the others can heal it. */
export function canHeal(node: RaftNode, nodes: readonly RaftNode[]): boolean {
  const isWhole = ({ recovering, applied, disk }: RaftNode): boolean =>
    !recovering && applied.index >= disk.boundary.position.index;
  return nodes.every((each) => each === node || isWhole(each));
}

/**
 * The store comes back as it once was. `isOld`: even below the boundary of the log, as no crash
 * leaves it.
 */
export function rollBackStore(node: RaftNode, prng: Prng, isOld: boolean): void {
  const { position } = node.disk.boundary;
  if (node.applied.index < position.index) return;
  const floor = isOld ? 0 : position.index;
  const index = floor + prng.below(node.applied.index - floor + 1);
  const term = index < position.index ? 0 : node.disk.term(index)!;
  node.applied = { index, term };
}

/** Damage is found at start (src/node/recovery.ts): the log loses its end, a new epoch begins. */
export function loseDisk(node: RaftNode, prng: Prng): void {
  const { disk } = node;
  const boundary = disk.boundary.position;
  const from = Math.max(2, boundary.index + 1) + prng.below(disk.lastIndex() - boundary.index + 1);
  const { currentTerm, commitIndex } = disk.hardState;
  const kept = Math.min(from - 1, disk.lastIndex());
  const applied = Math.min(node.applied.index, kept);
  if (applied >= boundary.index) {
    node.applied = { index: applied, term: applied === 0 ? 0 : disk.term(applied)! };
  }
  disk.lose(from, { currentTerm, votedFor: node.id, commitIndex: Math.min(commitIndex, kept) });
  node.logEpoch++;
  node.recovering = true;
}
