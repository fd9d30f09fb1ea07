/**
 * Plays directed scenarios: a script in the words of scenario.ts (what goes wrong) and
 * expectations.ts (what must hold). All invariants watch, and at the end of every scenario the
 * cluster is mended, must come to life, and must have answered linearizably.
 *
 * `A` leads when a scenario begins; `B`, `C`, `D` and `E` follow, in the order of their ids.
 *
 * Not here: chance. Runs drawn from a seed are simulation.ts; here a seed decides delays alone, and
 * every scenario is played with several.
 */

import type { SimNode } from "../../harness/sim_node.ts";
import { withoutAmbient } from "../ambient.ts";
import { Expectations } from "./expectations.ts";
import { Scenario } from "./scenario.ts";
import { Stage, type StageOptions } from "./stage.ts";

/** What a script is given. Naming a node that the cluster does not have fails. */
export interface Props {
  readonly t: Scenario;
  readonly expect: Expectations;
  readonly A: SimNode;
  readonly B: SimNode;
  readonly C: SimNode;
  readonly D: SimNode;
  readonly E: SimNode;
}

/** Each scenario is played with so many seeds. */
const seeds = 2;

/** The body of a test: plays `script` to its end with each seed. Three nodes unless given. */
export function scenario(
  script: (props: Props) => void,
  options: Partial<Omit<StageOptions, "seed">> = {},
): () => void {
  return () => {
    for (let seed = 1; seed <= seeds; seed++) {
      withoutAmbient(() => {
        const stage = new Stage({ nodes: 3, config: {}, ...options, seed });
        const played = new Scenario(stage);
        script(propsOf(stage, played));
        played.end();
      });
    }
  };
}

function propsOf(stage: Stage, t: Scenario): Props {
  return {
    t,
    expect: new Expectations(stage),
    get A() {
      return stage.node("A");
    },
    get B() {
      return stage.node("B");
    },
    get C() {
      return stage.node("C");
    },
    get D() {
      return stage.node("D");
    },
    get E() {
      return stage.node("E");
    },
  };
}
