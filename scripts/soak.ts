/**
 * A soak: many runs of a cluster under load while its nodes are killed and stopped at random, each
 * judged at its end. Not part of the gate; its summary stands in docs/TESTING.md.
 *
 *     bun scripts/soak.ts --help
 *
 * The exit code is 1 as soon as one run broke a promise; its data and logs are kept, and the line
 * that repeats the run is printed.
 */

import process from "node:process";
import type { Build } from "../test/harness/processes.ts";
import { countOption, refuse, scriptOptions } from "./script_options.ts";
import { soakFanOut } from "./soaks/fan_out.ts";
import { soakHistory } from "./soaks/history.ts";
import { soakInstalls } from "./soaks/installs.ts";
import { soakIncrements } from "./soaks/increments.ts";
import { soakLeases } from "./soaks/leases.ts";
import { soakMembers } from "./soaks/members.ts";
import type { Plan, Soak } from "./soaks/plan.ts";
import { soakWatches } from "./soaks/watches.ts";

const usage =
  `Kills and stops the nodes of a cluster at random under load, and judges what its clients saw.

  bun scripts/soak.ts [options]

  --what W            history (reads and writes are linearizable, the default), watches (nothing
                      missed or repeated), increments (repeated writes are done once), leases
                      (none ends early, all end), fanout (very many watchers of one node of each
                      build, of which nobody is killed), installs (images of the store for nodes
                      that were away, some of them killed while it comes) or members (nodes join,
                      leave, lose their vote and get it back)
  --runs N            clusters, one after the other (50; 1 for all but history)
  --count N           of a run: events, increments, leases, writes, installs or changes of members
                      (1000000, 100000, 10000, 300, 100, 300)
  --seconds S         of load on each, for history (20)
  --seed N            of the first run; each later one takes the next (1)
  --builds B,B,B      what the nodes run on: bun, deno or binary (bun,deno,bun)
  --clients N         at a time; watchers, for watches and fanout (8; 10000 for fanout)
  --keys N            that they share (6 for history, 300 for installs, 100 for members)`;

interface Kind {
  readonly soak: Soak;
  readonly runs: string;
  readonly count: string;
  readonly clients: string;
  readonly keys?: string;
}

const kinds: Readonly<Record<string, Kind>> = {
  history: { soak: soakHistory, runs: "50", count: "1", clients: "8" },
  watches: { soak: soakWatches, runs: "1", count: "1000000", clients: "8" },
  increments: { soak: soakIncrements, runs: "1", count: "100000", clients: "8" },
  leases: { soak: soakLeases, runs: "1", count: "10000", clients: "8" },
  installs: { soak: soakInstalls, runs: "1", count: "100", clients: "4", keys: "300" },
  members: { soak: soakMembers, runs: "1", count: "300", clients: "4", keys: "100" },
  fanout: { soak: soakFanOut, runs: "1", count: "300", clients: "10000" },
};

async function main(): Promise<number> {
  const values = scriptOptions(usage, {
    ...{ what: "history", runs: "", count: "", seconds: "20", seed: "1" },
    ...{ builds: "bun,deno,bun", clients: "", keys: "" },
  });
  const { what } = values;
  const kind = kinds[what];
  if (kind === undefined) {
    return refuse(`--what is "${what}"; allowed are ${Object.keys(kinds).join(", ")}`, usage);
  }
  const runs = count("--runs", values.runs || kind.runs);
  const firstSeed = count("--seed", values.seed);
  const common = {
    seconds: count("--seconds", values.seconds),
    builds: values.builds.split(",").map(buildOf),
    clients: count("--clients", values.clients || kind.clients),
    keys: count("--keys", values.keys || (kind.keys ?? "6")),
    count: count("--count", values.count || kind.count),
  };
  for (let run = 0; run < runs; run++) {
    const plan = { ...common, seed: firstSeed + run };
    try {
      const told = await kind.soak(plan);
      console.log(`run ${run + 1} of ${runs}, seed ${plan.seed}: ${told}`);
    } catch (error) {
      console.error(error instanceof Error ? error.message : String(error));
      console.error(`To repeat: ${repetition(what, plan)}`);
      return 1;
    }
  }
  console.log(`${runs} runs of ${what}, no promise broken`);
  return 0;
}

function repetition(what: string, { seed, seconds, builds, clients, keys, count }: Plan): string {
  return `bun scripts/soak.ts --what ${what} --runs 1 --seed ${seed} --seconds ${seconds} ` +
    `--builds ${builds.join(",")} --clients ${clients} --keys ${keys} --count ${count}`;
}

function count(option: string, text: string): number {
  return countOption(option, text, usage);
}

function buildOf(text: string): Build {
  if (text === "bun" || text === "deno" || text === "binary") return text;
  return refuse(`--builds names ${JSON.stringify(text)}; allowed are bun, deno, binary`, usage);
}

process.exit(await main());
