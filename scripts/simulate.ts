/**
 * Runs the deterministic simulator (test/simulation/): whole clusters of the production node, core
 * and store over simulated disks, networks and clocks, in virtual time, from seeds.
 *
 *     bun scripts/simulate.ts --help
 *
 * The exit code is 1 as soon as an invariant is broken, and when a long run has not seen a rare
 * state often enough. A failure prints what happened last and the line that runs it again. Many
 * seeds end with what they came to together, also after a failure, SIGINT and SIGTERM.
 */

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { renderTimeline } from "../test/harness/timeline.ts";
import { checkLinearizable } from "../test/harness/linearizability.ts";
import { minimize } from "../test/simulation/minimize.ts";
import {
  type Overrides,
  overridesAsOptions,
  planOf,
  type Trouble,
  troubles,
} from "../test/simulation/overrides.ts";
import { type RunReport, simulate } from "../test/simulation/simulation.ts";
import { countOption, refuse, scriptOptions } from "./script_options.ts";
import { ManySeeds } from "./simulation/many_seeds.ts";
import { runOptionsOf, SeedThread } from "./simulation/seed_thread.ts";

const usage = `Runs whole clusters in a simulated world, and checks at every event what must hold.

  bun scripts/simulate.ts --seeds 100
  bun scripts/simulate.ts --hours 1
  bun scripts/simulate.ts --seed 17 --transcript 200
  bun scripts/simulate.ts --seed 17 --minimize

  --seed N            one seed
  --hash              with --seed: print the hash of its trace alone
  --minimize          with --seed: look for a smaller run that breaks the same invariant
  --minutes N         at most so long for that (5)
  --transcript N      lines of what happened last before a failure (60)
  --timeline FILE     write what the clients saw on the first bad key as a page there

  --seeds K           so many seeds, one after the other (10)
  --from N            the first of them (1)
  --hours H           as many seeds as fit into this time, instead of --seeds

  --sqlite            the stores keep their rows in SQLite in memory; the traces are the same

  --nodes N           voters, instead of what each seed draws; likewise:
  --learners N        --clients N        --keys N        --operations N
  --watchers N        --contenders N        --churn MS (from one change of members to the next)
  --images N          compact the logs after so many entries, and keep none for who is behind
  --without A,B       troubles that do not happen: ${troubles.slice(0, 8).join(", ")},
                      ${troubles.slice(8, 17).join(", ")},
                      ${troubles.slice(17).join(", ")}
  --only A,B          the only troubles that happen; none is one that allows no other
  --skip crash.3,…    single faults that do not happen`;

const values = scriptOptions(usage, {
  ...{ seed: "", minutes: "5", transcript: "60", timeline: "" },
  ...{ seeds: "10", from: "1", hours: "" },
  ...{ nodes: "", learners: "", clients: "", keys: "", operations: "" },
  ...{ watchers: "", contenders: "", churn: "", images: "" },
  ...{ without: "", only: "", skip: "", hash: "", minimize: "", sqlite: "" },
}, ["hash", "minimize", "sqlite"]);

const overrides = readOverrides();
const isOnSqlite = values.sqlite !== "";
const runOptions = await runOptionsOf(isOnSqlite);
const transcriptLines = countOption("--transcript", values.transcript, usage);
const minutes = countOption("--minutes", values.minutes, usage);

function readOverrides(): Overrides {
  const only = troublesIn("--only", values.only);
  const without = troublesIn("--without", values.without);
  const left = troubles.filter((each) => values.only !== "" && !only.includes(each));
  const skip = values.skip.split(",").filter((word) => word !== "");
  const wrong = skip.find((word) => !/^[a-zA-Z]+\.[1-9][0-9]*$/.test(word));
  if (wrong !== undefined) refuse(`--skip names ${wrong}; a fault reads like crash.3`, usage);
  return { ...numbers(), without: [...new Set([...without, ...left])], skip };
}

function troublesIn(option: string, text: string): readonly Trouble[] {
  const words = text.split(",").filter((word) => word !== "" && word !== "none");
  return words.map((word) => {
    const known = troubles.find((trouble) => trouble === word);
    return known ?? refuse(`${option} names ${JSON.stringify(word)}`, usage);
  });
}

function numbers(): Omit<Overrides, "without" | "skip"> {
  const given = [
    ...["nodes", "learners", "clients", "keys", "operations"] as const,
    ...["watchers", "contenders", "churn", "images"] as const,
  ];
  const mayBeNone = ["learners", "watchers", "contenders"];
  return Object.fromEntries(
    given.filter((name) => values[name] !== "").map((name) => {
      const isNone = mayBeNone.includes(name) && values[name] === "0";
      return [name, isNone ? 0 : countOption(`--${name}`, values[name], usage)];
    }),
  );
}

function main(): number | Promise<number> {
  if (values.seed === "") {
    if (values.hash !== "" || values.minimize !== "") {
      refuse("--hash and --minimize need --seed", usage);
    }
    return runMany();
  }
  const seed = countOption("--seed", values.seed, usage);
  if (values.minimize !== "") return runMinimize(seed);
  const report = simulate(planOf(seed, overrides), runOptions);
  if (values.hash !== "") {
    console.log(report.traceHash);
    return report.violation === undefined ? 0 : 1;
  }
  if (report.violation !== undefined) return tellFailure(seed, overrides);
  console.log(`seed ${seed}: nothing is broken; trace ${report.traceHash}, ${described(report)}`);
  return 0;
}

function described({ events, virtualUs, faults, calls, history }: RunReport): string {
  const seconds = (virtualUs / 1_000_000).toFixed(1);
  return `${events} events in ${seconds} s, ${faults.length} faults, ${calls} calls: ` +
    history.summary();
}

// ---- Many seeds ----

const progressEveryMs = process.stdout.isTTY ? 1_000 : 30_000;
/** As a shell tells it of a process that a signal has ended. */
const codesOfSignals = { SIGINT: 130, SIGTERM: 143 } as const;

async function runMany(): Promise<number> {
  const forMs = values.hours === "" ? Infinity : hoursOf(values.hours) * 3_600_000;
  const thread = new SeedThread();
  const seeds = new ManySeeds({
    from: countOption("--from", values.from, usage),
    count: forMs === Infinity ? countOption("--seeds", values.seeds, usage) : Infinity,
    ...{ forMs, nowMs: () => performance.now() },
    run: (seed) => thread.run({ seed, overrides, isOnSqlite }),
    failed: (seed) => void tellFailure(seed, overrides),
    print: (line) => {
      tellProgress("");
      console.log(line);
    },
  });
  for (const [signal, code] of Object.entries(codesOfSignals)) {
    process.once(signal, () => {
      tellProgress("");
      console.log(`${signal} while ${seeds.progress}`);
      seeds.tell();
      process.exit(code);
    });
  }
  tellProgress(seeds.progress);
  const ticks = setInterval(() => tellProgress(seeds.progress), progressEveryMs);
  try {
    return await seeds.run();
  } finally {
    clearInterval(ticks);
    await thread.end();
  }
}

function tellProgress(text: string): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${text}`);
  else if (text !== "") console.log(text);
}

function hoursOf(text: string): number {
  const hours = Number(text);
  return hours > 0 && hours < 10_000 ? hours : refuse(`--hours is ${JSON.stringify(text)}`, usage);
}

// ---- One failure ----

/** Runs it again, this time with everything written down. */
function tellFailure(seed: number, wanted: Overrides): number {
  tellProgress("");
  const report = simulate(planOf(seed, wanted), { ...runOptions, tells: true });
  const { violation, transcript, events, traceHash } = report;
  if (violation === undefined) throw new Error(`Seed ${seed} fails only sometimes`);
  const atMs = (violation.atUs / 1_000).toFixed(1);
  for (const line of transcript.slice(-transcriptLines)) console.log(inMs(line));
  console.log(
    `seed ${seed}: ${violation.invariant} is broken at ${atMs} ms, event ${events}, after ` +
      `${report.faults.length} faults: ${violation.text}`,
  );
  console.log(`plan ${JSON.stringify(planOf(seed, wanted))}`);
  console.log(`commit ${commit()}, trace ${traceHash}, ${report.history.summary()}`);
  if (values.timeline !== "") writeTimeline(report);
  console.log(
    `To repeat: bun scripts/simulate.ts --seed ${seed}${overridesAsOptions(wanted)}` +
      "; with --minimize it looks for a smaller one",
  );
  return 1;
}

/** A line of the transcript, its time in milliseconds. */
function inMs(line: string): string {
  const end = line.indexOf(" ");
  return `${(Number(line.slice(0, end)) / 1_000).toFixed(3).padStart(12)} ${line.slice(end)}`;
}

function writeTimeline({ history }: RunReport): void {
  const verdict = checkLinearizable(history.calls());
  if (verdict.kind !== "illegal") {
    console.log(`The clients' history is ${verdict.kind}, so there is no timeline`);
    return;
  }
  const { calls, reason, longest, suspects } = verdict;
  writeFileSync(values.timeline, renderTimeline(calls, { title: reason, longest, suspects }));
  console.log(`The first bad key is drawn in ${values.timeline}`);
}

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  } catch {
    return "unknown";
  }
}

function runMinimize(seed: number): number {
  const endMs = performance.now() + minutes * 60_000;
  let toldMs = 0;
  const smallest = minimize({
    seed,
    overrides,
    isOver: () => performance.now() >= endMs,
    smaller: (_, report) => {
      if (performance.now() - toldMs < progressEveryMs) return;
      toldMs = performance.now();
      tellProgress(`${described(report)}, breaks ${report.violation?.invariant}`);
    },
  });
  if (smallest !== undefined) return tellFailure(seed, smallest.overrides);
  console.log(`seed ${seed}: nothing is broken`);
  return 0;
}

process.exit(await main());
