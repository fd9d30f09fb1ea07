/** The steps of the gate: what is checked, by which command, and what may run beside it. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { memoryFolder } from "../memory_folder.ts";
import { runCommand, runtimeProgram } from "./run_command.ts";
import { findFiles } from "./sources.ts";
import { emptyReport, readTestReport, type TestReport } from "./test_report.ts";

export interface Step {
  /** Words, e.g. "unit bun"; `--only` chooses by them. */
  readonly name: string;
  readonly run: () => Promise<StepResult>;
}

export interface StepResult {
  readonly ok: boolean;
  /** What the commands printed; shown when the step failed. */
  readonly output: string;
  /** Of a step that runs tests. */
  readonly report?: TestReport;
}

const runtimes = ["bun", "deno"] as const;
type RuntimeName = typeof runtimes[number];

/** For a step that hangs; none that only has a slow machine shall reach it. */
const stepLimitMs = 20 * 60_000;

const filesPerEntry = 40;

interface TestFolder {
  readonly name: string;
  /** Without a test in it there is no step. Every other folder without one fails the gate. */
  readonly optional?: boolean;
  /** Most of its time goes by in waiting for other processes, elections and the like. */
  readonly waits?: boolean;
}

/** Where tests live. Files of one folder run in one process, one after the other. */
const testFolders: readonly TestFolder[] = [
  { name: "unit" },
  { name: "datadriven" },
  { name: "conformance" },
  { name: "simulation", optional: true },
  { name: "cluster", waits: true },
  { name: "e2e", waits: true },
];

/** Scripts that write a committed file, and with `--check` fail when it is stale. */
const generators: readonly string[] = [
  "scripts/proto.ts",
  "scripts/openapi.ts",
  "scripts/config_reference.ts",
];

/** Files that only Deno's type checker understands; tsc leaves them out. */
const denoFiles: readonly string[] = [
  "src/main_deno.ts",
  "src/worker_deno.ts",
  "src/runtime/deno.ts",
];

export interface GateOptions {
  /** The repository. */
  readonly root: string;
  /** Write the format instead of checking it. */
  readonly fix: boolean;
}

/** Every step, in the order in which they start. */
export function gateSteps(options: GateOptions): readonly Step[] {
  const bun = runtimeProgram(options.root, "bun");
  const deno = runtimeProgram(options.root, "deno");
  const check = (name: string, ...command: readonly string[]): Step =>
    commandStep(options, name, command);
  return [
    check("format", deno, "fmt", ...(options.fix ? [] : ["--check"])),
    check("types", join(options.root, "node_modules/.bin/tsc"), "-p", "."),
    check("lint", deno, "lint"),
    check("types deno", deno, "check", ...denoFiles),
    check("imports", bun, "scripts/imports.ts"),
    check("tidy", bun, "scripts/tidy.ts"),
    check("lockfiles", bun, "scripts/lockfiles.ts"),
    ...generators.map((script) =>
      check(`generated ${script.slice("scripts/".length, -".ts".length)}`, bun, script, "--check")
    ),
    ...testSteps(options),
  ];
}

/**
 * Who waits runs beside who works, the longest first, so that the processor has something to do and
 * nobody runs alone at the end.
 */
function testSteps(options: GateOptions): readonly Step[] {
  const folders = testFolders.filter((folder) =>
    folder.optional !== true || testsOf(options, folder).length > 0
  );
  const stepsOf = (waits: boolean): readonly Step[] =>
    folders.filter((folder) => (folder.waits === true) === waits)
      .flatMap((folder) => runtimes.map((name) => testStep(options, folder, name)));
  const [working, waiting] = [stepsOf(false), stepsOf(true).toReversed()];
  return working.flatMap((step, at) => [...waiting.slice(at, at + 1), step]).concat(
    waiting.slice(working.length),
  );
}

function commandStep(options: GateOptions, name: string, command: readonly string[]): Step {
  const run = (): Promise<StepResult> =>
    runCommand(command, { root: options.root, limitMs: stepLimitMs });
  return { name, run };
}

function testsOf({ root }: GateOptions, folder: TestFolder): readonly string[] {
  return findFiles(root, [`test/${folder.name}`], ["_test.ts"]);
}

function testStep(options: GateOptions, folder: TestFolder, runtime: RuntimeName): Step {
  const { root } = options;
  const run = async (): Promise<StepResult> => {
    const files = testsOf(options, folder);
    if (files.length === 0) return { ok: false, output: `test/${folder.name} holds no test\n` };
    const scratch = mkdtempSync(join(tmpdir(), "skein-gate-"));
    try {
      const reportPath = join(scratch, "report.xml");
      const command = testCommand({ root, runtime, files, scratch, reportPath });
      const place = temporaryOf(runtime);
      const { ok, output } = await runCommand(command, { root, limitMs: stepLimitMs, ...place });
      const xml = existsSync(reportPath) ? readFileSync(reportPath, "utf8") : "";
      return judgeTests({ ok, output, files, report: readTestReport(xml, runtime) });
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  };
  return { name: `${folder.name} ${runtime}`, run };
}

/**
 * Whoever syncs files waits for the disk most of the time. Every test does so on one runtime; on
 * the other its files are in memory, where there is room.
 */
function temporaryOf(runtime: RuntimeName): { readonly temporary?: string } {
  const temporary = runtime === "deno" ? memoryFolder() : undefined;
  return temporary === undefined ? {} : { temporary };
}

function testCommand(of: {
  readonly root: string;
  readonly runtime: RuntimeName;
  readonly files: readonly string[];
  readonly scratch: string;
  readonly reportPath: string;
}): readonly string[] {
  const program = runtimeProgram(of.root, of.runtime);
  // Types are a step of their own. Deno has no limit per test; Bun's 5 s are short for a cluster.
  if (of.runtime === "bun") {
    const report = ["--reporter=junit", `--reporter-outfile=${of.reportPath}`];
    return [program, "test", "--timeout=240000", ...report, ...of.files.map((path) => `./${path}`)];
  }
  const entries = writeEntries(of);
  return [program, "test", "-A", "--no-check", `--junit-path=${of.reportPath}`, ...entries];
}

/**
 * Deno runs every file that it is given in an isolate of its own, and loads all that it imports
 * there again: a second of the processor for each of hundreds. So it is given few, each of which
 * runs the tests of many. Not one alone: what the tests of one leave behind goes with its isolate.
 */
function writeEntries(of: {
  readonly root: string;
  readonly files: readonly string[];
  readonly scratch: string;
}): readonly string[] {
  const entries: string[] = [];
  for (let at = 0; at < of.files.length; at += filesPerEntry) {
    const entry = join(of.scratch, `${entries.length + 1}_test.ts`);
    writeFileSync(entry, entryOf(of.root, of.files.slice(at, at + filesPerEntry)));
    entries.push(entry);
  }
  return entries;
}

function entryOf(root: string, files: readonly string[]): string {
  const base = pathToFileURL(join(root, "/")).href;
  const loader = new URL("test/harness/test_files.ts", base).href;
  return `import { loadTestFiles } from ${JSON.stringify(loader)};
await loadTestFiles(${JSON.stringify(base)}, ${JSON.stringify(files)});
`;
}

/** Every file has run a test, none has failed, and the runner agrees. */
export function judgeTests(run: {
  readonly ok: boolean;
  readonly output: string;
  readonly files: readonly string[];
  readonly report: TestReport;
}): StepResult {
  const idle = run.files.filter((path) => !run.report.files.has(path));
  const complaints = idle.map((path) => `${path} ran no test\n`).join("");
  const ok = run.ok && run.report.failed === 0 && idle.length === 0;
  // A runner that died tells of no failed test; it must count as one all the same.
  const failed = ok ? 0 : Math.max(1, run.report.failed);
  const report = { ...emptyReport, ...run.report, failed };
  return { ok, output: run.output + complaints, report };
}
