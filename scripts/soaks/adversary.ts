/** What happens to the nodes of a cluster while its promises are tried. */

import type { Prng } from "../../src/lib/prng.ts";
import type { NodeProcess, ProcessCluster } from "../../test/harness/processes.ts";
import { pause } from "../../test/harness/wait.ts";

/** How often each misfortune has come. */
export interface Misfortunes {
  kills: number;
  powerCuts: number;
  pauses: number;
}

/** Kills and stops nodes, the leader first of all, one after the other. */
export class Adversary {
  readonly seen: Misfortunes = { kills: 0, powerCuts: 0, pauses: 0 };
  readonly #cluster: ProcessCluster;
  readonly #prng: Prng;

  constructor(cluster: ProcessCluster, prng: Prng) {
    this.#cluster = cluster;
    this.#prng = prng;
  }

  /** One misfortune after another until `isOver`; at the end all nodes run. */
  async rage(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await pause(200 + this.#prng.below(1_500));
      if (!isOver()) await this.#strike();
    }
    await this.#cluster.start();
  }

  async #strike(): Promise<void> {
    const prng = this.#prng;
    const victim = prng.chance(1, 2) ? await this.#leaderOrAny() : this.#any();
    const draw = prng.below(10);
    if (draw < 5) {
      this.seen.kills++;
      await victim.kill();
      await pause(prng.below(3_000));
      victim.start();
      await victim.ready();
    } else if (draw < 9) {
      this.seen.pauses++;
      victim.pause();
      await pause(100 + prng.below(4_000));
      victim.resume();
      await victim.ready();
    } else {
      this.seen.powerCuts++;
      await this.#cluster.kill();
      await this.#cluster.start();
    }
  }

  async #leaderOrAny(): Promise<NodeProcess> {
    try {
      return await this.#cluster.leader({ withinMs: 1_000 });
    } catch {
      return this.#any();
    }
  }

  #any(): NodeProcess {
    return this.#cluster.nodes[this.#prng.below(this.#cluster.nodes.length)]!;
  }
}

/** For people. */
export function describedMisfortunes({ kills, powerCuts, pauses }: Misfortunes): string {
  return `${kills} kills, ${powerCuts} kills of all, ${pauses} pauses`;
}
