/** What is done to images of the store on their way: a node dies at a step of taking one. */

import type { StageStep } from "../harness/sim_store.ts";
import { drawMs, type FaultScene, victim } from "./fault_scene.ts";

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
    if (taken !== step) return;
    store[when] = still;
    rare.saw("crash inside an install");
    operator.stop(node, how);
    operator.startLater(node, backMs);
  };
  scene.later(8_000, () => store[when] = still);
}
