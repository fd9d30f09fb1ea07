/**
 * Plants known bugs (test/simulation/mutants/), each in a copy of the source of its own, and runs
 * the simulator there until it catches them: the proof that it bites. Its table stands in
 * docs/TESTING.md.
 *
 *     bun scripts/mutants.ts --help
 *
 * The exit code is 1 when one is not caught, or when something is in the source as it is.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  caughtElsewhere,
  type Mutant,
  mutants,
  nothingPlanted,
  patched,
} from "../test/simulation/mutants/mod.ts";
import { countOption, refuse, scriptOptions } from "./script_options.ts";

const usage =
  `Plants known bugs in copies of the source, and runs the simulator until it finds them.

  bun scripts/mutants.ts
  bun scripts/mutants.ts --only M3,M7
  bun scripts/mutants.ts --only M0 --seeds 1000

  --only M3,M30b      some of them; M0 is the source as it is, in which nothing may be found
  --seeds K           so many seeds at most for each (5000)
  --minutes N         so long at most for each (60)
  --jobs N            so many at a time (2)`;

const values = scriptOptions(usage, { only: "", seeds: "5000", minutes: "60", jobs: "2" });
const seedsMax = countOption("--seeds", values.seeds, usage);
const minutesMax = countOption("--minutes", values.minutes, usage);
const jobs = countOption("--jobs", values.jobs, usage);

/** What the simulator needs to run. */
const copied = [
  ...["src", "routes", "scripts", "proto", "test/harness", "test/simulation"],
  ...["package.json", "tsconfig.json", "deno.json", "bunfig.toml"],
];
const killedBySeeds = 500;

/** What became of one mutant. */
type Fate =
  | { readonly kind: "caught"; readonly by: string; readonly seeds: number; readonly text: string }
  /** Nothing was broken in all seeds, or in as many as there was time for. */
  | { readonly kind: "survived"; readonly seeds: number; readonly isOutOfTime: boolean }
  /** The simulator itself failed, or the patches do not fit. */
  | { readonly kind: "failed"; readonly reason: string };

interface Trial {
  readonly mutant: Mutant;
  readonly fate: Fate;
  readonly seconds: number;
}

function chosen(): readonly Mutant[] {
  if (values.only === "") return mutants;
  return values.only.split(",").map((wanted) => {
    const found = [nothingPlanted, ...mutants].find(({ id }) => id === wanted);
    return found ?? refuse(`--only names ${JSON.stringify(wanted)}`, usage);
  });
}

// ---- One mutant ----

function plant(mutant: Mutant, { from, to }: { readonly from: string; readonly to: string }): void {
  for (const path of copied) cpSync(join(from, path), join(to, path), { recursive: true });
  symlinkSync(join(process.cwd(), "node_modules"), join(to, "node_modules"));
  for (const patch of mutant.patches) {
    const path = join(to, patch.file);
    writeFileSync(path, patched(readFileSync(path, "utf8"), patch));
  }
}

async function tryOne(mutant: Mutant, directory: string): Promise<Trial> {
  const startMs = performance.now();
  const to = mkdtempSync(join(directory, `${mutant.id}-`));
  let fate: Fate;
  try {
    plant(mutant, { from: join(directory, "source"), to });
    fate = await simulateIn(to);
  } catch (error) {
    fate = { kind: "failed", reason: error instanceof Error ? error.message : String(error) };
  } finally {
    rmSync(to, { recursive: true, force: true, maxRetries: 3 });
  }
  const trial = { mutant, fate, seconds: (performance.now() - startMs) / 1_000 };
  console.log(told(trial));
  return trial;
}

/** What the simulator printed, as far as it matters here. */
interface Output {
  /** The last seed that it was through with. */
  seed: number;
  broken: { readonly seed: number; readonly by: string; readonly text: string } | undefined;
  /** How many seeds it ran to its end; undefined when it did not come to it. */
  ran: number | undefined;
  /** The newest lines. */
  readonly last: string[];
}

function note(output: Output, line: string): void {
  output.last.push(line);
  if (output.last.length > 5) output.last.shift();
  const broken = /^seed ([0-9]+): (\S+) is broken at (.*)$/.exec(line);
  if (broken !== null) {
    output.broken ??= { seed: Number(broken[1]), by: broken[2]!, text: broken[3]! };
  }
  const progress = /^seed ([0-9]+) is at work: [0-9]+ seeds, /.exec(line);
  if (progress !== null) output.seed = Number(progress[1]) - 1;
  const ran = /^([0-9]+) seeds, [0-9]+ events, /.exec(line);
  if (ran !== null) output.ran = Number(ran[1]);
}

/** Runs the simulator on the runtime that this runs on. */
async function simulateIn(directory: string): Promise<Fate> {
  const flags = "Deno" in globalThis ? ["run", "-A", "--no-check"] : [];
  const args = [...flags, "scripts/simulate.ts", "--from", "1", "--seeds", String(seedsMax)];
  const child = spawn(process.execPath, args, {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  const output: Output = { seed: 0, broken: undefined, ran: undefined, last: [] };
  const kill = (): void => killHard(child);
  const timer = setTimeout(kill, minutesMax * 60_000);
  process.once("exit", kill);
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    let rest = "";
    stream.on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) note(output, line);
    });
  }
  try {
    await ended;
  } finally {
    clearTimeout(timer);
    process.off("exit", kill);
  }
  return fateOf(output, child.signalCode === "SIGKILL");
}

/** Not child.kill(): on Deno it works once, whatever the signal was. */
function killHard({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(pid, "SIGKILL");
}

function fateOf({ seed, broken, ran, last }: Output, isOutOfTime: boolean): Fate {
  if (broken !== undefined) {
    return { kind: "caught", by: broken.by, seeds: broken.seed, text: broken.text };
  }
  // A long run ends with 1 as well when it has not seen a rare state: that catches nobody.
  if (ran !== undefined) return { kind: "survived", seeds: ran, isOutOfTime: false };
  if (isOutOfTime) return { kind: "survived", seeds: seed, isOutOfTime };
  return { kind: "failed", reason: last.join("\n") };
}

// ---- The report ----

function told({ mutant: { id, what }, fate, seconds }: Trial): string {
  const after = `in ${seconds.toFixed(0)} s`;
  switch (fate.kind) {
    case "caught":
      return `${id}: ${fate.by} after ${fate.seeds} seeds, ${after}: at ${fate.text}`;
    case "survived": {
      const why = fate.isOutOfTime ? ", its time was up" : "";
      return `${id}: not caught in ${fate.seeds} seeds${why}, ${after}: ${what}`;
    }
    case "failed":
      return `${id}: failed, ${after}: ${fate.reason}`;
  }
}

function row({ mutant: { id, what }, fate, seconds }: Trial): string {
  const [by, seeds] = fate.kind === "caught"
    ? [fate.by, String(fate.seeds)]
    : fate.kind === "survived"
    ? ["not caught", String(fate.seeds)]
    : ["failed", ""];
  return `| ${id} | ${what} | ${by} | ${seeds} | ${seconds.toFixed(0)} s |`;
}

function table(trials: readonly Trial[]): string {
  const rest = caughtElsewhere.map(({ id, what, reason }) =>
    `| ${id} | ${what} | not planted: ${reason} | | |`
  );
  return [
    "| mutant | what | caught by | seeds | time |",
    "| --- | --- | --- | --- | --- |",
    ...trials.map(row),
    ...(values.only === "" ? rest : []),
  ].join("\n");
}

function caughtWithin(trials: readonly Trial[], seeds: number): number {
  return trials.filter(({ fate }) => fate.kind === "caught" && fate.seeds <= seeds).length;
}

async function main(): Promise<number> {
  const waitingTrials = [...chosen()];
  const directory = mkdtempSync(join(tmpdir(), "skein-mutants-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(2));
  // Whoever edits meanwhile shall not alter what the later ones are planted in.
  for (const path of copied) cpSync(path, join(directory, "source", path), { recursive: true });
  const order = waitingTrials.map(({ id }) => id);
  const trials: Trial[] = [];
  const work = async (): Promise<void> => {
    for (let next = waitingTrials.shift(); next !== undefined; next = waitingTrials.shift()) {
      trials.push(await tryOne(next, directory));
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  trials.sort((a, b) => order.indexOf(a.mutant.id) - order.indexOf(b.mutant.id));
  console.log(`\n${table(trials)}\n`);
  const planted = trials.filter(({ mutant }) => mutant.patches.length > 0);
  console.log(
    `${planted.length} planted, ${caughtWithin(planted, killedBySeeds)} caught within ` +
      `${killedBySeeds} seeds, ${caughtWithin(planted, seedsMax)} within ${seedsMax}`,
  );
  const isAsItShould = ({ mutant, fate }: Trial): boolean =>
    fate.kind === (mutant.patches.length > 0 ? "caught" : "survived");
  return trials.every(isAsItShould) ? 0 : 1;
}

process.exit(await main());
