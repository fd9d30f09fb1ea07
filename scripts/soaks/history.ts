/** Linearizability of single keys: no acknowledged write is lost, no read is stale. */

import { Prng } from "../../src/lib/prng.ts";
import { Load } from "../../test/harness/load.ts";
import { withCluster } from "../../test/harness/processes.ts";
import { assertLinearizable } from "../../test/harness/verdict.ts";
import { pause } from "../../test/harness/wait.ts";
import { Adversary, describedMisfortunes } from "./adversary.ts";
import type { Plan } from "./plan.ts";

/** The history of all calls must be one that a single copy could have. */
export async function soakHistory(plan: Plan): Promise<string> {
  const prng = new Prng(plan.seed);
  let told = "";
  await withCluster({ builds: plan.builds }, async (cluster) => {
    await cluster.start();
    const load = new Load({
      urls: () => cluster.urls,
      clients: plan.clients,
      keys: plan.keys,
      seed: plan.seed,
      callWithinMs: 1_000,
      pauseMs: 2,
    });
    const adversary = new Adversary(cluster, prng);
    let isOver = false;
    const time = pause(plan.seconds * 1_000).then(() => isOver = true);
    await Promise.all([time, adversary.rage(() => isOver)]);
    await load.stop();
    await load.readBack();
    const calls = load.history.calls();
    let [acknowledged, reads, unknown] = [0, 0, 0];
    for (const { outcome, operation } of calls) {
      if (outcome.kind === "unknown") unknown++;
      else if (operation.kind === "get") reads++;
      else if (outcome.kind === "written" || outcome.kind === "deleted") acknowledged++;
    }
    assertLinearizable(calls, `${cluster.folder}/history`);
    told = `${acknowledged} writes acknowledged, ${reads} reads, ${unknown} unknown, ` +
      describedMisfortunes(adversary.seen);
  });
  return told;
}
