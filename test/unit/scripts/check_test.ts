import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assert, describe, it } from "../../harness/test.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { standstill } from "../../harness/wait.ts";
import {
  chooseSteps,
  describeStep,
  type FinishedStep,
  isGood,
  runSteps,
  summarise,
} from "../../../scripts/check.ts";
import { memoryFolder } from "../../../scripts/memory_folder.ts";
import { runCommand } from "../../../scripts/gate/run_command.ts";
import { gateSteps, judgeTests, type Step, type StepResult } from "../../../scripts/gate/steps.ts";
import { emptyReport, readTestReport } from "../../../scripts/gate/test_report.ts";

const repository = fileURLToPath(new URL("../../../", import.meta.url));
const good: StepResult = { ok: true, output: "" };

function step(name: string, more: Partial<Step> = {}): Step {
  return { name, run: () => Promise.resolve(good), ...more };
}

function finished(name: string, result: Partial<StepResult>): FinishedStep {
  return { name, result: { ...good, ...result }, ms: 1 };
}

/** Runs the unit tests of a repository that holds just this one file, on one runtime. */
async function runPlanted(
  runtime: "bun" | "deno",
  source: string,
  others: Readonly<Record<string, string>> = {},
): Promise<StepResult> {
  using dir = makeTempDir("gate");
  mkdirSync(join(dir.path, "test/unit"), { recursive: true });
  for (const name of ["node_modules", "test/harness"]) {
    symlinkSync(join(repository, name), join(dir.path, name));
  }
  writeFileSync(join(dir.path, "package.json"), '{ "type": "module" }');
  for (const [name, text] of Object.entries({ ...others, "planted_test.ts": source })) {
    writeFileSync(join(dir.path, "test/unit", name), text);
  }
  const steps = chooseSteps(gateSteps({ root: dir.path, fix: false }), [`unit ${runtime}`]);
  assert.equal(steps.length, 1);
  return await steps[0]!.run();
}

const imports = 'import { beforeEach, describe, it } from "../harness/test.ts";\n';

describe("the gate fails with its tests", () => {
  for (const runtime of ["bun", "deno"] as const) {
    it(`passes good tests and counts them, on ${runtime}`, async () => {
      const source = `${imports}describe("a", () => { it("b", () => {}); it("c", () => {}); });
        describe("e", () => { describe("f", () => it("d", { skip: "why" }, () => {})); });`;
      const result = await runPlanted(runtime, source);
      assert.equal(result.ok, true, result.output);
      assert.equal(result.report?.passed, 2);
      assert.equal(result.report?.failed, 0);
      assert.deepEqual(result.report?.skipped, ["e > f > d"]);
    });

    it(`fails on one failing test among good ones, on ${runtime}`, async () => {
      const source = `${imports}describe("a", () => { it("b", () => {});
        it("c", () => { throw new Error("planted"); }); });`;
      const result = await runPlanted(runtime, source);
      assert.equal(result.ok, false);
      assert.equal(result.report?.passed, 1);
      assert.equal(result.report?.failed, 1);
      assert.match(result.output, /planted/);
      assert.match(result.output, /planted_test\.ts/);
      assert.match(result.output, /a (>|\.\.\.) c/);
    });

    it(`fails on a file that cannot be loaded, and runs the others, on ${runtime}`, async () => {
      const others = { "good_test.ts": `${imports}it("a", () => {});` };
      const result = await runPlanted(runtime, 'throw new Error("planted");', others);
      assert.equal(result.ok, false);
      assert.equal(result.report?.failed, 1);
      assert.equal(result.report?.passed, 1);
      assert.match(result.output, /planted_test\.ts/);
    });

    it(`runs the hooks of a file for its own tests alone, on ${runtime}`, async () => {
      const source = `${imports}let runs = 0; beforeEach(() => { runs++; });
        const check = (n) => { if (runs !== n) throw new Error(String(runs)); };
        describe("a", () => { it("b", () => check(1)); });
        describe("c", () => { describe("d", () => { it("e", () => check(2)); }); });`;
      const result = await runPlanted(runtime, source, { "other_test.ts": source });
      assert.equal(result.ok, true, result.output);
      assert.equal(result.report?.passed, 4);
    });

    it(`counts a suite of another module for the file that runs it, on ${runtime}`, async () => {
      const suite = `${imports}export const suite = () => describe("a", () => it("b", () => {}));`;
      const source = 'import { suite } from "./suite.ts";\nsuite();';
      const result = await runPlanted(runtime, source, { "suite.ts": suite });
      assert.equal(result.ok, true, result.output);
      assert.equal(result.report?.passed, 1);
    });

    it(`fails on a file that runs no test, on ${runtime}`, async () => {
      const others = { "good_test.ts": `${imports}it("a", () => {});` };
      const result = await runPlanted(runtime, "export const nothing = 1;", others);
      assert.equal(result.ok, false);
      assert.equal(result.report?.passed, 1);
      assert.match(result.output, /test\/unit\/planted_test\.ts ran no test/);
    });
  }
});

describe("the files of tests", () => {
  for (const runtime of ["bun", "deno"] as const) {
    it(`are on the disk on Bun and in memory on Deno: ${runtime}`, async () => {
      const source = `${imports}import { tmpdir } from "node:os";
        it("a", () => { throw new Error("in " + tmpdir()); });`;
      const { output } = await runPlanted(runtime, source);
      const place = (runtime === "deno" ? memoryFolder() : undefined) ?? tmpdir();
      assert.match(output, new RegExp(`in ${place}\\n`));
    });
  }
});

describe("steps of the gate", () => {
  it("are chosen by the words of their names", () => {
    const steps = ["unit bun", "unit deno", "e2e bun", "lint"].map((name) => step(name));
    const chosen = (...only: readonly string[]): readonly string[] =>
      chooseSteps(steps, only).map(({ name }) => name);
    assert.equal(chosen().length, 4);
    assert.deepEqual(chosen("unit"), ["unit bun", "unit deno"]);
    assert.deepEqual(chosen("bun", "lint"), ["unit bun", "e2e bun", "lint"]);
    assert.deepEqual(chosen("unit deno"), ["unit deno"]);
    assert.deepEqual(chosen("uni"), []);
  });

  it("run two at once, and never three", async () => {
    const open: (() => void)[] = [];
    const run = (): Promise<StepResult> => new Promise((resolve) => open.push(() => resolve(good)));
    const steps = ["a", "b", "c", "d"].map((name) => step(name, { run }));
    let started = 0;
    const all = runSteps(steps, { atOnce: 2, report: () => {} });
    while (started < steps.length) {
      await standstill();
      assert.equal(open.length, Math.min(2, steps.length - started));
      open.shift()!();
      started++;
    }
    assert.equal((await all).length, 4);
  });

  it("fail when they throw, and the others run on", async () => {
    const broken = step("broken", { run: () => Promise.reject(new Error("planted")) });
    const done = await runSteps([broken, step("next")], { atOnce: 1, report: () => {} });
    assert.deepEqual(done.map(({ result }) => result.ok), [false, true]);
    assert.match(done[0]!.result.output, /planted/);
    assert.equal(isGood(done), false);
  });

  it("fail when a folder that must hold tests is empty", async () => {
    using dir = makeTempDir("gate");
    const steps = gateSteps({ root: dir.path, fix: false });
    const chosen = chooseSteps(steps, ["bun"]);
    const results = await Promise.all(chosen.map((each) => each.run()));
    assert.deepEqual(
      new Set(chosen.map(({ name }) => name.replace(" bun", ""))),
      new Set([
        ...["unit", "datadriven", "conformance", "cluster", "e2e"],
      ]),
    );
    for (const { ok, output } of results) {
      assert.match(`${ok} ${output}`, /^false .* holds no test/);
    }
  });

  it("are there for a folder that may be empty once there is a test in it", () => {
    using dir = makeTempDir("gate");
    mkdirSync(join(dir.path, "test/simulation"), { recursive: true });
    writeFileSync(join(dir.path, "test/simulation/a_test.ts"), "");
    const steps = gateSteps({ root: dir.path, fix: false });
    assert.equal(chooseSteps(steps, ["simulation"]).length, 2);
  });

  it("are not good when nothing ran, or tests were asked for and none ran", () => {
    assert.equal(isGood([]), false);
    assert.equal(isGood([finished("lint", {})]), true);
    assert.equal(isGood([finished("unit bun", { report: emptyReport })]), false);
    assert.equal(isGood([finished("unit bun", { report: { ...emptyReport, passed: 1 } })]), true);
  });

  it("are told in one line each, a failed one with all its output", () => {
    const report = { ...emptyReport, passed: 3, skipped: ["a > b"] };
    assert.equal(
      describeStep(finished("unit bun", { report })),
      "ok     unit bun                 0.0 s  3 passed, 0 failed\n       skipped: a > b",
    );
    const failed = describeStep(finished("lint", { ok: false, output: "one\ntwo\n" }));
    assert.match(failed, /^FAILED lint .*\none\ntwo\nend of the output of lint$/);
  });

  it("end with the counts of both runtimes alone on the last line", () => {
    const summary = summarise([
      finished("unit bun", { report: { ...emptyReport, passed: 3 } }),
      finished("unit deno", { ok: false, report: { ...emptyReport, passed: 2, failed: 1 } }),
      finished("lint", {}),
    ], 1000);
    assert.deepEqual(summary.split("\n"), [
      "3 steps in 1 s, failed: unit deno",
      "5 passed, 1 failed",
    ]);
  });

  it("count a runner that died as one failed test", () => {
    const died = judgeTests({ ok: false, output: "", files: [], report: emptyReport });
    assert.equal(died.ok, false);
    assert.equal(died.report?.failed, 1);
  });
});

describe("commands of the gate", () => {
  const shell = (script: string, limitMs = 10_000): ReturnType<typeof runCommand> =>
    runCommand(["sh", "-c", script], { root: repository, limitMs });

  it("give their output and whether they ended with 0", async () => {
    const { ok, output } = await shell("echo out; echo err >&2");
    // Two pipes: which is read first is not said.
    assert.deepEqual([ok, output.split("\n").sort()], [true, ["", "err", "out"]]);
    assert.equal((await shell("exit 3")).ok, false);
    const missing = await runCommand(["skein-no-such-program"], {
      root: repository,
      limitMs: 10_000,
    });
    assert.equal(missing.ok, false);
    assert.match(missing.output, /cannot run skein-no-such-program/);
  });

  it("are killed after their limit, with what they started", async () => {
    const start = performance.now();
    const result = await shell("sleep 30 & echo $!; wait", 200);
    assert.equal(result.ok, false);
    assert.match(result.output, /killed after 0\.2 s/);
    assert.ok(performance.now() - start < 10_000);
  });
});

describe("test reports", () => {
  it("count Bun's nested suites", () => {
    const xml = `<testsuites><testsuite name="test/a_test.ts" file="test/a_test.ts">
      <testsuite name="outer" file="test/a_test.ts"><testcase name="ok" classname="outer" />
      <testcase name="bad" classname="outer"><failure message="1 &lt; 2">x</failure></testcase>
      </testsuite><testcase name="gone" classname=""><skipped /></testcase></testsuite>
      </testsuites>`;
    const report = readTestReport(xml, "bun");
    assert.deepEqual({ ...report, files: [...report.files] }, {
      passed: 1,
      failed: 1,
      skipped: ["gone"],
      files: ["test/a_test.ts"],
    });
  });

  it("count Deno's steps, and no test that only holds them", () => {
    const xml = `<testsuites><testsuite name="./test/harness/test.ts">
      <testcase name="a_test.ts"><failure message="1 step &#10; failed">x</failure></testcase>
      <testcase name="b_test.ts"></testcase></testsuite><testsuite name="ext:deno_node/testing.ts">
      <testcase name="a_test.ts &gt; outer"><failure message="1 step">x</failure></testcase>
      <testcase name="a_test.ts &gt; outer &gt; inner"></testcase>
      <testcase name="a_test.ts &gt; outer &gt; inner &gt; ok"></testcase>
      <testcase name="a_test.ts &gt; outer &gt; bad"><failure message="a &gt; b">x</failure>
      </testcase><testcase name="b_test.ts &gt; outer"></testcase>
      <testcase name="b_test.ts &gt; outer &gt; gone"><skipped/></testcase>
      </testsuite></testsuites>`;
    const report = readTestReport(xml, "deno");
    assert.deepEqual({ ...report, files: [...report.files] }, {
      passed: 1,
      failed: 1,
      skipped: ["outer > gone"],
      files: ["a_test.ts", "b_test.ts"],
    });
  });

  it("are empty for an empty text", () => {
    assert.deepEqual(readTestReport("", "bun"), emptyReport);
  });
});
