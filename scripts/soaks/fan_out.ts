/** Very many watchers of one node: nothing missed or repeated, and room for others. */

import { fanOut, watchersMax, withManyFiles } from "../../test/harness/fan_out.ts";
import { buildCommand, steadyLeader, withCluster } from "../../test/harness/processes.ts";
import type { Plan } from "./plan.ts";

/** That read nothing until all is written. */
const deaf = 16;
/** Enough that a node which kept them for whoever does not read would show it. */
const largeWrites = 256;

/** Each kind of build is watched once, with as many watchers as there are open files for. */
export async function soakFanOut(plan: Plan): Promise<string> {
  const watchers = Math.min(plan.clients, watchersMax() - deaf);
  const told: string[] = [];
  for (const build of new Set(plan.builds)) {
    const command = () => withManyFiles(buildCommand(build));
    await withCluster({ builds: [build], config: steadyLeader, command }, async (cluster) => {
      await cluster.start();
      const asked = { watchers, deaf, writes: plan.count, largeWrites };
      told.push(`${build}: ${await fanOut(cluster.node(1), asked)}`);
    });
  }
  return told.join("; ");
}
