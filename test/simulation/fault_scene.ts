/** What a fault acts on, and how it draws its victim and its length. */

import type { Prng } from "../../src/lib/prng.ts";
import type { Envelope } from "../../src/raft/message.ts";
import type { SimCluster } from "../harness/sim_cluster.ts";
import type { SimDirectory, SimNode } from "../harness/sim_node.ts";
import type { Operator } from "./operator.ts";
import type { Plan } from "./plan.ts";
import type { RareStates } from "./rare_states.ts";

/** What a fault acts on. */
export interface FaultScene {
  readonly plan: Plan;
  readonly cluster: SimCluster;
  readonly operator: Operator;
  readonly rare: RareStates;
  /** Copies of directories that were made on the way. */
  readonly copies: Map<SimNode, SimDirectory>;
  readonly prng: Prng;
  /** Told of each message as a node hands it over, before the network has it. */
  readonly onSend: Set<(envelope: Envelope) => void>;
  /** Whether the cluster is being healed: nothing more may happen to it. */
  readonly isOver: () => boolean;
  /** Later, unless the cluster is being healed by then. */
  later(afterMs: number, run: () => void): void;
}

/** A node; half of the time one that leads, or believes so: there it hurts most. */
export function victim({ cluster, prng }: FaultScene): SimNode {
  const drawn = cluster.nodes[prng.below(cluster.nodes.length)]!;
  const aims = prng.chance(1, 2);
  return (aims && cluster.nodes.find(({ isPaused, leads }) => leads && !isPaused)) || drawn;
}

/** 1 … `max`, each power of two as often. */
export function drawMs({ prng }: FaultScene, max: number): number {
  const octaves = Math.floor(Math.log2(max));
  return Math.min(max, 1 + prng.below(2 ** (1 + prng.below(octaves + 1))));
}
