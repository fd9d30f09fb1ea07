import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { assert, describe, it } from "../../harness/test.ts";
import { type Directive, GoldenError, runGolden, runGoldenFile } from "../../harness/golden.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";

function run(text: string, runner: (directive: Directive) => string, rewrite = false): string {
  return runGolden(text, { name: "example.txt", run: runner, rewrite });
}

const echo = (directive: Directive): string => directive.input.join("\n");

describe("golden runner", () => {
  it("passes a file whose outputs are the expected ones and keeps it as it is", () => {
    const text = "# Prose.\n\necho\none\ntwo\n----\none\ntwo\n\n# More.\necho\n----\n";
    assert.equal(run(text, echo), text);
  });

  it("fails at the first unexpected output, and names file, line and both", () => {
    const text = "echo\nsame\n----\nsame\n\necho\nother\n----\nexpected\n";
    assert.throws(() => run(text, echo), (error: Error) => {
      assert.ok(error instanceof GoldenError);
      assert.match(error.message, /^example\.txt:6: echo: unexpected output/);
      assert.match(error.message, /expected:\n {2}expected\nactual:\n {2}other/);
      return true;
    });
  });

  it("fails when nothing was expected and something came, and the other way round", () => {
    assert.throws(() => run("echo\nx\n----\n", echo), /unexpected output/);
    assert.throws(() => run("echo\n----\nx\n", echo), /unexpected output/);
  });

  it("rewrites outputs and leaves prose and input alone", () => {
    const text = "# Prose.\necho\n# not prose\n----\nwrong\n\n# End.\n";
    const wanted = "# Prose.\necho\n# not prose\n----\n# not prose\n\n# End.\n";
    assert.equal(run(text, echo, true), wanted);
    assert.equal(run(wanted, echo), wanted);
  });

  it("fences output that holds blank lines, and reads it again", () => {
    const paragraphs = (): string => "one\n\ntwo\n";
    const written = run("print\n----\n\nprint\n----\n", paragraphs, true);
    const once = "print\n----\n----\none\n\ntwo\n----\n----\n";
    assert.equal(written, `${once}\n${once}`);
    assert.equal(run(written, paragraphs), written);
  });

  it("splits words, named values and lists, and gives each once", () => {
    const seen: unknown[] = [];
    run("step 2 fast to=(1, 3) at=7 empty=()\n----\n", (directive) => {
      seen.push(directive.command, directive.count("node"), directive.flag("fast"));
      seen.push(directive.flag("slow"), directive.integers("to"), directive.integer("at"));
      seen.push(directive.values("empty"), directive.value("none"));
      return "";
    });
    assert.deepEqual(seen, ["step", 2, true, false, [1, 3], 7, [], undefined]);
  });

  it("refuses words that the command does not read, words twice, and wrong numbers", () => {
    const ignore = (): string => "";
    assert.throws(() => run("step fsat\n----\n", ignore), /step: does not know fsat/);
    assert.throws(() => run("step of=2\n----\n", ignore), /does not know of=/);
    assert.throws(() => run("step a=1 a=2\n----\n", ignore), /a is given twice/);
    assert.throws(() => run("step a=(1\n----\n", ignore), /cannot split/);
    const count = (directive: Directive): string => `${directive.count("node")}`;
    assert.throws(() => run("step x\n----\n", count), /node is x, not an integer/);
    assert.throws(() => run("step\n----\n", count), /node is missing/);
  });

  it("refuses a file that nobody would read", () => {
    using folder = makeTempDir("golden");
    const path = join(folder.path, "long.txt");
    writeFileSync(path, "# a line\n".repeat(80));
    runGoldenFile(path, () => "");
    writeFileSync(path, "# a line\n".repeat(81));
    assert.throws(() => runGoldenFile(path, () => ""), /long\.txt has 81 lines, allowed are 80/);
  });

  it("refuses a directive without dashes and a fence without end", () => {
    assert.throws(() => run("echo\nx\n", echo), /example\.txt:1: no ---- behind echo/);
    assert.throws(() => run("echo\nx\n\necho\n----\n", echo), /example\.txt:1: no ----/);
    assert.throws(() => run("echo\n----\n----\nx\n", echo), /fence/);
  });
});
