/**
 * What is done to images of the store: a node dies at a step of taking one, or holds entries that
 * contradict it.
 */

import type { StageStep } from "../harness/sim_store.ts";
import { drawMs, type FaultScene, victim } from "./fault_scene.ts";
import { leaderOf } from "./leader_faults.ts";
import { cutFor } from "./network_faults.ts";

const steps: readonly StageStep[] = ["open", "write", "finish", "adopt"];

/** The next time that the node does such a step it dies, right before it or right behind it. */
export function imageCrash(scene: FaultScene): void {
  const { operator, prng, rare } = scene;
  const node = victim(scene);
  const step = steps[prng.below(steps.length)]!;
  const when = prng.chance(1, 2) ? "beforeStep" : "afterStep";
  const how = prng.chance(1, 3) ? "cutPower" : "kill";
  const backMs = drawMs(scene, 2_000);
  const { store } = node;
  const still = (): void => {};
  store[when] = (taken) => {
    if (taken !== step || scene.isOver()) return;
    store[when] = still;
    rare.saw("crash inside an install");
    operator.stop(node, how);
    operator.startLater(node, backMs);
  };
  scene.later(8_000, () => store[when] = still);
}

/** More than the others write meanwhile, mostly. */
const contradictingEntries = 400;

/**
 * A leader that is alone goes on writing its log, while the others commit something else in that
 * place, and compact it. What brings it back is an image of a position that its log reaches, too.
 */
export function overtakeLeader(scene: FaultScene): void {
  const { cluster, plan, prng } = scene;
  const leader = leaderOf(scene);
  if (leader === undefined) return;
  const electionMs = 20 * plan.heartbeatMs;
  const others = cluster.others(leader);
  const ways = others.flatMap((
    other,
  ) => [{ from: leader, to: other }, { from: other, to: leader }]);
  cutFor(scene, ways, 3 * electionMs);
  for (let count = 0; count < contradictingEntries; count++) leader.propose({ kind: "nothing" });
  scene.later(2 * electionMs + prng.below(electionMs), () => {
    for (const other of others) other.run(({ node }) => void node.requestCompaction());
  });
}
