/**
 * What takes from a disk something that was durable, or puts another directory in its place. Done
 * only as long as all that is committed outlives it (operator.ts).
 */

import type { Identity } from "../../src/node/ports.ts";
import { hex } from "../../src/lib/bytes.ts";
import { prepareToJoin } from "../harness/newcomer.ts";
import type { SimNode } from "../harness/sim_node.ts";
import { drawMs, type FaultScene, victim } from "./fault_scene.ts";

/** A node that lost something finds out at its start, or is shown by another one, and ends. */
const lostPart = /^Node \d+ in \S+ has lost part of its log: /;

/** A victim whose loss the cluster lives with; undefined where none would. */
function loser(scene: FaultScene): SimNode | undefined {
  const node = victim(scene);
  return node.identity()?.birth !== undefined && scene.operator.mayLose(node) ? node : undefined;
}

/** A bit turns in an entry of the log. */
export function damageLog(scene: FaultScene): void {
  const { operator, prng } = scene;
  const node = loser(scene);
  if (node === undefined) return;
  operator.stop(node, "kill");
  const { firstIndex, lastIndex } = node.disk.log.outline;
  operator.loses(node);
  operator.expect(node, lostPart);
  // The first configuration is not lost without the rest.
  const first = Math.max(2, firstIndex);
  if (lastIndex >= first) {
    node.disk.log.damage(first + prng.below(lastIndex - first + 1));
    scene.rare.saw("entry damaged");
  }
  operator.startLater(node, drawMs(scene, 2_000));
}

/** A bit turns in the middle of the write-ahead log: everything behind it is gone, but the mark. */
export function regressLog(scene: FaultScene): void {
  const { operator, prng } = scene;
  const node = loser(scene);
  if (node === undefined) return;
  operator.stop(node, "kill");
  operator.loses(node);
  operator.expect(node, lostPart);
  const { changes, identity } = node.disk.image();
  // The end is more likely than the beginning, which checkpoints have long written elsewhere.
  const gone = Math.min(changes.length - 1, prng.below(drawMs(scene, 200)));
  if (gone > 0) node.disk.regress({ changes: changes.slice(0, changes.length - gone), identity });
  operator.startLater(node, drawMs(scene, 2_000));
}

/** Somebody mounts an empty directory, finds out, and puts the right one back. */
export function runWiped(scene: FaultScene): void {
  const { cluster, operator, prng } = scene;
  const node = loser(scene);
  if (node === undefined || cluster.network.options.datagrams || !operator.isMember(node)) return;
  operator.setAside(node);
  node.wipe();
  if (!cluster.ids.includes(node.id)) {
    // It was told on its command line to join.
    const incarnation = hex(Uint8Array.from({ length: 8 }, () => prng.below(256)));
    prepareToJoin(node, { contacts: cluster.others(node), incarnation });
  }
  node.start();
  scene.later(500 + drawMs(scene, 4_000), () => operator.putBack(node));
}

/** Somebody puts back a copy of an earlier start, finds out, and puts the newest back. */
export function runOlderCopy(scene: FaultScene): void {
  const { cluster, operator, copies } = scene;
  const node = loser(scene);
  if (node === undefined || cluster.network.options.datagrams || !operator.isMember(node)) return;
  const copy = copies.get(node);
  const starts = node.identity()?.starts ?? 0;
  const isKnown = cluster.others(node).every((other) => knows(other.identity(), node, starts));
  if (copy === undefined || (copy.disk.identity?.starts ?? starts) >= starts || !isKnown) {
    copies.set(node, node.copy());
    // Every start of it makes the copy an older one.
    operator.stop(node, "kill");
    return operator.startLater(node, 1);
  }
  copies.delete(node);
  operator.setAside(node);
  node.restore(copy);
  node.start();
  scene.later(500 + drawMs(scene, 4_000), () => operator.putBack(node));
}

/** Every other node has written down how often this one was started. */
function knows(identity: Identity | undefined, { id }: SimNode, starts: number): boolean {
  return identity?.peerStarts?.some((start) => start.id === id && start.starts >= starts) === true;
}
