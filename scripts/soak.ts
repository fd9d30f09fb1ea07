/**
 * A soak: many runs of a cluster under load while its nodes are killed and stopped at random, each
 * judged at its end. Not part of the gate; its summary stands in docs/TESTING.md.
 *
 *     bun scripts/soak.ts --help
 *
 * The exit code is 1 as soon as one run lost an acknowledged write or showed a stale read; its
 * history, data and logs are kept, and the line that repeats the run is printed.
 */

import process from "node:process";
import { Prng } from "../src/lib/prng.ts";
import { Load } from "../test/harness/load.ts";
import {
  type Build,
  type NodeProcess,
  type ProcessCluster,
  withCluster,
} from "../test/harness/processes.ts";
import { assertLinearizable } from "../test/harness/verdict.ts";
import { pause } from "../test/harness/wait.ts";
import { countOption, refuse, scriptOptions } from "./script_options.ts";

const usage =
  `Kills and stops the nodes of a cluster at random under load, and judges what its clients saw.

  bun scripts/soak.ts [options]

  --runs N            clusters, one after the other (50)
  --seconds S         of load on each (20)
  --seed N            of the first run; each later one takes the next (1)
  --builds B,B,B      what the nodes run on: bun, deno or binary (bun,deno,bun)
  --clients N         at a time (8)
  --keys N            that they share (6)`;

interface Plan {
  readonly seed: number;
  readonly seconds: number;
  readonly builds: readonly Build[];
  readonly clients: number;
  readonly keys: number;
}

interface Tally {
  acknowledged: number;
  reads: number;
  unknown: number;
  kills: number;
  powerCuts: number;
  pauses: number;
}

const tallyOfNothing = (): Tally => ({
  ...{ acknowledged: 0, reads: 0, unknown: 0 },
  ...{ kills: 0, powerCuts: 0, pauses: 0 },
});

async function main(): Promise<number> {
  const values = scriptOptions(usage, {
    ...{ runs: "50", seconds: "20", seed: "1" },
    ...{ builds: "bun,deno,bun", clients: "8", keys: "6" },
  });
  const runs = count("--runs", values.runs);
  const firstSeed = count("--seed", values.seed);
  const common = {
    seconds: count("--seconds", values.seconds),
    builds: values.builds.split(",").map(buildOf),
    clients: count("--clients", values.clients),
    keys: count("--keys", values.keys),
  };
  const total = tallyOfNothing();
  for (let run = 0; run < runs; run++) {
    const plan = { ...common, seed: firstSeed + run };
    const tally = tallyOfNothing();
    try {
      await soakOnce(plan, tally);
    } catch (error) {
      console.error(error instanceof Error ? error.message : String(error));
      console.error(
        `To repeat: bun scripts/soak.ts --runs 1 --seed ${plan.seed} --seconds ${plan.seconds} ` +
          `--builds ${plan.builds.join(",")} --clients ${plan.clients} --keys ${plan.keys}`,
      );
      return 1;
    }
    for (const name of Object.keys(total) as (keyof Tally)[]) total[name] += tally[name];
    console.log(`run ${run + 1} of ${runs}, seed ${plan.seed}: ${described(tally)}`);
  }
  console.log(`${runs} runs, nothing lost, nothing stale: ${described(total)}`);
  return 0;
}

async function soakOnce(plan: Plan, tally: Tally): Promise<void> {
  const prng = new Prng(plan.seed);
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
    const endMs = performance.now() + plan.seconds * 1_000;
    while (performance.now() < endMs) {
      await pause(200 + prng.below(1_500));
      await misfortune(cluster, prng, tally);
    }
    await load.stop();
    await cluster.start();
    await load.readBack();
    const calls = load.history.calls();
    for (const { outcome, operation } of calls) {
      if (outcome.kind === "unknown") tally.unknown++;
      else if (operation.kind === "get") tally.reads++;
      else if (outcome.kind === "written" || outcome.kind === "deleted") tally.acknowledged++;
    }
    assertLinearizable(calls, `${cluster.folder}/history`);
  });
}

async function misfortune(cluster: ProcessCluster, prng: Prng, tally: Tally): Promise<void> {
  const victim = prng.chance(1, 2) ? await leaderOrAny(cluster, prng) : anyOf(cluster, prng);
  const draw = prng.below(10);
  if (draw < 5) {
    tally.kills++;
    await victim.kill();
    await pause(prng.below(3_000));
    victim.start();
    await victim.ready();
  } else if (draw < 9) {
    tally.pauses++;
    victim.pause();
    await pause(100 + prng.below(4_000));
    victim.resume();
    await victim.ready();
  } else {
    tally.powerCuts++;
    await cluster.kill();
    await cluster.start();
  }
}

async function leaderOrAny(cluster: ProcessCluster, prng: Prng): Promise<NodeProcess> {
  try {
    return await cluster.leader({ withinMs: 1_000 });
  } catch {
    return anyOf(cluster, prng);
  }
}

function anyOf(cluster: ProcessCluster, prng: Prng): NodeProcess {
  return cluster.nodes[prng.below(cluster.nodes.length)]!;
}

function described(tally: Tally): string {
  return `${tally.acknowledged} writes acknowledged, ${tally.reads} reads, ` +
    `${tally.unknown} unknown, ${tally.kills} kills, ${tally.powerCuts} kills of all, ` +
    `${tally.pauses} pauses`;
}

function count(option: string, text: string): number {
  return countOption(option, text, usage);
}

function buildOf(text: string): Build {
  if (text === "bun" || text === "deno" || text === "binary") return text;
  return refuse(`--builds names ${JSON.stringify(text)}; allowed are bun, deno, binary`, usage);
}

process.exit(await main());
