/** What is done to the network: ways that are cut, both ways or one, slow, broken or stormy. */

import type { SimNode } from "../harness/sim_node.ts";
import { drawMs, type FaultScene, victim } from "./fault_scene.ts";

interface Way {
  readonly from: SimNode;
  readonly to: SimNode;
}

/** Cuts ways that are whole, and mends them after a while. */
export function cutFor(scene: FaultScene, ways: readonly Way[], forMs: number): void {
  const { network } = scene.cluster;
  const cut = ways.filter(({ from, to }) =>
    from !== to && !network.isCut(from.address, to.address)
  );
  for (const { from, to } of cut) network.cut(from.address, to.address);
  scene.later(forMs, () => {
    for (const { from, to } of cut) {
      if (network.isCut(from.address, to.address)) network.mend(from.address, to.address);
    }
  });
}

function everyWay(
  { cluster: { nodes } }: FaultScene,
  isCut: (from: SimNode, to: SimNode) => boolean,
): readonly Way[] {
  return nodes.flatMap((from) =>
    nodes.filter((to) => to !== from && isCut(from, to)).map((to) => ({ from, to }))
  );
}

/** Splits at random, isolates one, leaves a bridge, or cuts a ring open. */
export function partition(scene: FaultScene): void {
  const { cluster: { nodes }, prng } = scene;
  const one = victim(scene);
  const sides = new Map(nodes.map((node) => [node, prng.below(2)]));
  const place = (node: SimNode): number => nodes.indexOf(node);
  const neighbours = (a: SimNode, b: SimNode): boolean => {
    const apart = Math.abs(place(a) - place(b));
    return apart === 1 || apart === nodes.length - 1;
  };
  const forms: readonly ((from: SimNode, to: SimNode) => boolean)[] = [
    (from, to) => from === one || to === one,
    (from, to) => sides.get(from) !== sides.get(to),
    // Only the bridge reaches both sides.
    (from, to) => from !== one && to !== one && sides.get(from) !== sides.get(to),
    (from, to) => !neighbours(from, to),
  ];
  const form = forms[prng.below(forms.length)]!;
  cutFor(scene, everyWay(scene, form), drawMs(scene, 4_000));
}

/** One node is not heard, or does not hear, or both but not with everybody. */
export function oneWay(scene: FaultScene): void {
  const { prng } = scene;
  const one = victim(scene);
  const isDeaf = prng.chance(1, 2);
  const spared = scene.cluster.nodes[prng.below(scene.cluster.nodes.length)]!;
  const isSpared = prng.chance(1, 2);
  const ways = everyWay(scene, (from, to) => {
    const other = isDeaf ? from : to;
    return (isDeaf ? to : from) === one && !(isSpared && other === spared);
  });
  cutFor(scene, ways, drawMs(scene, 4_000));
}

/** A way that comes and goes. */
export function flap(scene: FaultScene): void {
  const { cluster, prng } = scene;
  const from = victim(scene);
  const to = cluster.nodes[prng.below(cluster.nodes.length)]!;
  const everyMs = 20 + prng.below(500);
  for (let times = 0; times < 10; times++) {
    scene.later(
      2 * times * everyMs,
      () => cutFor(scene, [{ from, to }, { from: to, to: from }], everyMs),
    );
  }
}

/** A connection breaks and can be made anew. */
export function reset(scene: FaultScene): void {
  const { cluster: { network, nodes }, prng } = scene;
  const from = victim(scene);
  const to = nodes[prng.below(nodes.length)]!;
  if (from !== to) network.reset(from.address, to.address);
}

/** What is sent on a way waits, and comes all at once. */
export function clog(scene: FaultScene): void {
  const { cluster: { network, nodes }, prng } = scene;
  const from = victim(scene);
  const all = prng.chance(1, 3);
  for (const to of nodes) {
    if (from === to || !(all || prng.chance(1, 2))) continue;
    network.clog(from.address, to.address, drawMs(scene, 4_000) * 1_000);
  }
}

/** Everything is slow, and much is lost. */
export function storm(scene: FaultScene): void {
  const { cluster: { network }, plan, prng } = scene;
  const { network: calm } = plan;
  network.options = {
    ...calm,
    delaySpreadUs: calm.delaySpreadUs + prng.below(100_000),
    lossPermille: Math.min(500, calm.lossPermille + prng.below(calm.datagrams ? 300 : 50)),
  };
  scene.later(drawMs(scene, 4_000), () => network.options = calm);
}
