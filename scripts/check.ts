/**
 * The gate: one command that says yes or no. Runs under Bun and under Deno alike.
 *
 *     bun scripts/check.ts                 everything
 *     bun scripts/check.ts --list          the names of the steps
 *     bun scripts/check.ts --only unit     the steps with these words in their name; repeatable
 *     bun scripts/check.ts --fix           write the format instead of checking it
 *
 * One line a step, the full output of a step that failed, and at the end the tests of both runtimes
 * together: "N passed, N failed". Ends with 0 only when every step is good.
 */

import { availableParallelism } from "node:os";
import process from "node:process";
import { killAllCommands } from "./gate/run_command.ts";
import { gateSteps, type Step, type StepResult } from "./gate/steps.ts";

/** More at once would only slow each other, and tests that wait for a deadline first of all. */
const stepsAtOnceMax = 2;

interface Arguments {
  readonly only: readonly string[];
  readonly list: boolean;
  readonly fix: boolean;
}

function parseArguments(args: readonly string[]): Arguments {
  const only: string[] = [];
  let [list, fix] = [false, false];
  for (let at = 0; at < args.length; at++) {
    const value = args[at + 1];
    if (args[at] === "--list") list = true;
    else if (args[at] === "--fix") fix = true;
    else if (args[at] === "--only" && value !== undefined) only.push(args[++at]!);
    else throw new Error(`unknown argument ${args[at]}; allowed: --list, --fix, --only NAME`);
  }
  return { only, list, fix };
}

/** The steps that have all words of one of `only` in their name; all when it is empty. */
export function chooseSteps(steps: readonly Step[], only: readonly string[]): readonly Step[] {
  if (only.length === 0) return steps;
  const wanted = only.map((name) => name.split(" "));
  return steps.filter(({ name }) => {
    const words = name.split(" ");
    return wanted.some((each) => each.every((word) => words.includes(word)));
  });
}

export interface FinishedStep {
  readonly name: string;
  readonly result: StepResult;
  readonly ms: number;
}

/**
 * Runs the steps in order, several at once. `report` is called as each one ends.
 */
export async function runSteps(
  steps: readonly Step[],
  options: { readonly atOnce: number; readonly report: (step: FinishedStep) => void },
): Promise<readonly FinishedStep[]> {
  const finished: FinishedStep[] = [];
  const running = new Set<Promise<void>>();
  for (const step of steps) {
    while (running.size >= options.atOnce) await Promise.race(running);
    const start = performance.now();
    const run = runStep(step).then((result) => {
      running.delete(run);
      const done = { name: step.name, result, ms: performance.now() - start };
      finished.push(done);
      options.report(done);
    });
    running.add(run);
  }
  await Promise.all(running);
  return finished;
}

async function runStep(step: Step): Promise<StepResult> {
  try {
    return await step.run();
  } catch (error) {
    return { ok: false, output: `${error instanceof Error ? error.stack : String(error)}\n` };
  }
}

/** The lines that tell of one step. */
export function describeStep({ name, result, ms }: FinishedStep): string {
  const word = result.ok ? "ok" : "FAILED";
  const counts = result.report === undefined ? "" : countsOf(result.report);
  const time = `${(ms / 1000).toFixed(1)} s`.padStart(8);
  const lines = [`${word.padEnd(7)}${name.padEnd(22)}${time}  ${counts}`.trimEnd()];
  for (const skipped of result.report?.skipped ?? []) lines.push(`       skipped: ${skipped}`);
  if (!result.ok) lines.push(result.output.trimEnd(), `end of the output of ${name}`);
  return lines.join("\n");
}

function countsOf(report: { readonly passed: number; readonly failed: number }): string {
  return `${report.passed} passed, ${report.failed} failed`;
}

/** The last lines of the gate; the very last one has the counts alone. */
export function summarise(finished: readonly FinishedStep[], ms: number): string {
  const reports = finished.flatMap(({ result }) => result.report ?? []);
  const passed = reports.reduce((sum, report) => sum + report.passed, 0);
  const failed = reports.reduce((sum, report) => sum + report.failed, 0);
  const broken = finished.filter(({ result }) => !result.ok).map(({ name }) => name);
  const verdict = broken.length === 0 ? "the gate is open" : `failed: ${broken.join(", ")}`;
  const seconds = (ms / 1000).toFixed(0);
  return `${finished.length} steps in ${seconds} s, ${verdict}\n${countsOf({ passed, failed })}`;
}

/** Good when every step is, something ran, and a run of tests really ran tests. */
export function isGood(finished: readonly FinishedStep[]): boolean {
  const reports = finished.flatMap(({ result }) => result.report ?? []);
  const ranTests = reports.length === 0 || reports.some(({ passed }) => passed > 0);
  return finished.length > 0 && ranTests && finished.every(({ result }) => result.ok);
}

async function main(): Promise<void> {
  const args = parseArguments(process.argv.slice(2));
  const steps = chooseSteps(gateSteps({ root: process.cwd(), fix: args.fix }), args.only);
  if (steps.length === 0) throw new Error(`no step is called ${args.only.join(", ")}`);
  if (args.list) {
    for (const { name } of steps) console.log(name);
    return;
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      killAllCommands();
      process.exit(130);
    });
  }
  const start = performance.now();
  const atOnce = Math.min(stepsAtOnceMax, availableParallelism());
  const report = (step: FinishedStep): void => console.log(describeStep(step));
  const finished = await runSteps(steps, { atOnce, report });
  console.log(summarise(finished, performance.now() - start));
  process.exit(isGood(finished) ? 0 : 1);
}

if (import.meta.main) await main();
