/**
 * A real node with very many watchers, over real connections. The gate has time for 300 and a few
 * writes; SKEIN_WATCHERS=10000, or `scripts/soak.ts --what fanout`, means it.
 */

import process from "node:process";
import { fanOut, watchersMax, withManyFiles } from "../harness/fan_out.ts";
import { buildCommand, steadyLeader, withCluster } from "../harness/processes.ts";
import { runtimeName } from "../harness/runtime.ts";
import { describe, it } from "../harness/test.ts";

const inGate = 300;
const wanted = Number(process.env["SKEIN_WATCHERS"] ?? inGate);
const writes = wanted > inGate ? 300 : 20;
const largeWrites = wanted > inGate ? 256 : 64;
const deaf = 16;
const watchers = Math.min(wanted, watchersMax() - deaf);
const fewer = watchers < wanted ? `, fewer than ${wanted}: there are no more open files` : "";

describe("A node with many watchers", () => {
  const what = `tells each of ${watchers} every revision once and in order, keeps nothing for ` +
    `those that do not read, and answers others meanwhile${fewer}`;
  it(what, { timeout: 600_000 }, async () => {
    const command = () => withManyFiles(buildCommand(runtimeName));
    await withCluster({ builds: [runtimeName], config: steadyLeader, command }, async (cluster) => {
      await cluster.start();
      await fanOut(cluster.node(1), { watchers, deaf, writes, largeWrites });
    });
  });
});
