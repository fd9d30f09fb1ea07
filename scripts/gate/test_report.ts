/**
 * Reads what a test runner wrote about its run (JUnit's XML), so that the gate counts tests and
 * knows which file ran none: a suite that runs nothing must not pass.
 */

export interface TestReport {
  readonly passed: number;
  readonly failed: number;
  /** Full names of the tests that did not run. */
  readonly skipped: readonly string[];
  /** Paths of the files that ran or skipped at least one test. */
  readonly files: ReadonlySet<string>;
}

export const emptyReport: TestReport = { passed: 0, failed: 0, skipped: [], files: new Set() };

interface Case {
  readonly name: string;
  outcome: "passed" | "failed" | "skipped";
}

const tagPattern = /<(\/?)(testsuite|testcase|failure|error|skipped)\b((?:[^>"]|"[^"]*")*)>/g;

/** Counts the tests of a report of `bun test` or `deno test`, whose standard output is `output`. */
export function readTestReport(
  xml: string,
  { runtime, output }: { readonly runtime: "bun" | "deno"; readonly output: string },
): TestReport {
  const cases: Case[] = [];
  const files = new Set<string>();
  const suites: string[] = [];
  for (const [, slash, tag, attributes = ""] of xml.matchAll(tagPattern)) {
    if (tag === "testsuite") {
      if (slash === "/") suites.pop();
      else if (!attributes.endsWith("/")) suites.push(attribute(attributes, "file"));
    } else if (tag === "testcase") {
      if (slash === "/") continue;
      const scope = runtime === "bun" ? attribute(attributes, "classname") : "";
      const name = attribute(attributes, "name");
      cases.push({ name: scope === "" ? name : `${scope} > ${name}`, outcome: "passed" });
      files.add(suites.at(-1) ?? "");
    } else if (slash !== "/") {
      const last = cases.at(-1);
      if (last !== undefined) last.outcome = tag === "skipped" ? "skipped" : "failed";
    }
  }
  if (runtime === "bun") return { ...count(cases), files };
  // Deno reports a describe like a test, beside the tests in it.
  return { ...count(withoutParents(cases)), files: startedFiles(output) };
}

/** Deno's report names the module that called `describe`; only its output names the test file. */
function startedFiles(output: string): ReadonlySet<string> {
  const started = [...output.matchAll(/running ([0-9]+) tests? from \.\/(\S+)/g)];
  return new Set(started.filter(([, tests]) => tests !== "0").map(([, , file = ""]) => file));
}

function attribute(attributes: string, name: string): string {
  const found = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return found.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"')
    .replace(/&apos;/g, "'").replace(/&#10;/g, "\n").replace(/&amp;/g, "&");
}

function withoutParents(cases: readonly Case[]): readonly Case[] {
  const parents = new Set<string>();
  for (const { name } of cases) {
    for (let at = name.indexOf(" > "); at >= 0; at = name.indexOf(" > ", at + 1)) {
      parents.add(name.slice(0, at));
    }
  }
  return cases.filter(({ name }) => !parents.has(name));
}

function count(cases: readonly Case[]): Omit<TestReport, "files"> {
  const of = (outcome: Case["outcome"]): readonly Case[] =>
    cases.filter((each) => each.outcome === outcome);
  return {
    passed: of("passed").length,
    failed: of("failed").length,
    skipped: of("skipped").map(({ name }) => name),
  };
}
