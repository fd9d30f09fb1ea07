/**
 * How long a cluster is without service when its leader dies, and whether anything is lost: kills
 * the leader with kill -9 under load, again and again, and times the first write that is sent after
 * the kill and acknowledged.
 *
 *     bun scripts/failover.ts --help
 *
 * The exit code is 1 when an acknowledged write was lost or a stale value was read, when fewer than
 * nine of ten kills were over within twice electionTimeoutMaxMs, or one was not within four times.
 */

import process from "node:process";
import { requestOnce } from "../test/harness/http_once.ts";
import { Load } from "../test/harness/load.ts";
import { type Build, type ProcessCluster, withCluster } from "../test/harness/processes.ts";
import { assertLinearizable } from "../test/harness/verdict.ts";
import { pause, until } from "../test/harness/wait.ts";
import { countOption, refuse, scriptOptions } from "./script_options.ts";

const electionTimeoutMaxMs = 2_000;

const usage = `Kills the leader again and again under load, and times the first write after each.

  bun scripts/failover.ts [options]

  --kills N           how often (30)
  --builds B,B,B      what the nodes run on, three or more: bun, deno or binary (bun,bun,bun)`;

const values = scriptOptions(usage, { kills: "30", builds: "bun,bun,bun" });
const kills = countOption("--kills", values.kills, usage);
const builds = values.builds.split(",").filter((name): name is Build =>
  ["bun", "deno", "binary"].includes(name)
);
if (builds.length < 3 || builds.join(",") !== values.builds) {
  refuse(`--builds is ${values.builds}; allowed are three or more of bun, deno, binary`, usage);
}

const outages: number[] = [];
await withCluster({ builds }, async (cluster) => {
  await cluster.start();
  const urls = () => cluster.nodes.filter(({ pid }) => pid !== undefined).map(({ url }) => url);
  const load = new Load({ urls, clients: 4, keys: 5, seed: 1, pauseMs: 5, callWithinMs: 1_000 });
  for (let kill = 1; kill <= kills; kill++) {
    const leader = await cluster.leader();
    await pause(500);
    const fromMs = performance.now();
    await leader.kill();
    await firstWrite(cluster, kill);
    const outageMs = performance.now() - fromMs;
    outages.push(outageMs);
    console.log(
      `kill ${kill} of ${kills}: node ${leader.id}, back after ${outageMs.toFixed(0)} ms`,
    );
    leader.start();
    await leader.ready();
  }
  await load.stop();
  await load.readBack();
  assertLinearizable(load.history.calls(), `${cluster.folder}/history`);
});
process.exit(report());

/** Resolves once a write that was sent after the kill is acknowledged. */
async function firstWrite(cluster: ProcessCluster, kill: number): Promise<void> {
  const alive = cluster.nodes.filter(({ pid }) => pid !== undefined);
  const attempt = async (): Promise<boolean> => {
    const answers = await Promise.all(alive.map(({ url }) =>
      requestOnce({
        method: "PUT",
        url: `${url}/v1/kv/probe-${kill}?timeout=250ms`,
        body: "x",
        withinMs: 400,
      })
    ));
    return answers.some((answer) => answer.kind === "answered" && answer.status < 300);
  };
  await until(attempt, { what: "a write after the kill", withinMs: 60_000, everyMs: 5 });
}

function report(): number {
  const sorted = [...outages].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(kills - 1, Math.floor(share * kills))]!.toFixed(0);
  const within = (ms: number) => outages.filter((outage) => outage <= ms).length;
  const twice = within(2 * electionTimeoutMaxMs);
  const fourTimes = within(4 * electionTimeoutMaxMs);
  console.log(
    `${kills} kills of the leader, nothing lost, nothing stale; back after ${
      at(0.5)
    } ms (median), ` +
      `${at(0.9)} ms (nine of ten), ${at(1)} ms (longest); ` +
      `${twice} within 2 x electionTimeoutMaxMs, ${fourTimes} within 4 x`,
  );
  return twice >= Math.floor(kills * 0.9) && fourTimes === kills ? 0 : 1;
}
