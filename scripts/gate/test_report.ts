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
  readonly file: string;
  /** The names of the suites around it, from the outermost, and its own. */
  readonly names: readonly string[];
  outcome: "passed" | "failed" | "skipped";
}

interface Suite {
  readonly file: string;
  readonly name: string;
}

/** Between the names of suites, in what people read and in Deno's report. */
const separator = " > ";

const tagPattern = /<(\/?)(testsuite|testcase|failure|error|skipped)\b((?:[^>"]|"[^"]*")*)>/g;

/**
 * Counts the tests of a report of `bun test`, or of `deno test` where the files were loaded by
 * `test/harness/test_files.ts`.
 */
export function readTestReport(xml: string, runtime: "bun" | "deno"): TestReport {
  const cases: Case[] = [];
  const suites: Suite[] = [];
  for (const [, slash, tag, attributes = ""] of xml.matchAll(tagPattern)) {
    if (tag === "testsuite") {
      if (slash === "/") suites.pop();
      else if (!attributes.endsWith("/")) {
        suites.push({ file: attribute(attributes, "file"), name: attribute(attributes, "name") });
      }
    } else if (tag === "testcase") {
      if (slash === "/") continue;
      const name = attribute(attributes, "name");
      cases.push(runtime === "bun" ? caseOfBun(name, suites) : caseOfDeno(name));
    } else if (slash !== "/") {
      const last = cases.at(-1);
      if (last !== undefined) last.outcome = tag === "skipped" ? "skipped" : "failed";
    }
  }
  return count(runtime === "bun" ? cases : withoutParents(cases));
}

/** Bun writes a suite for the file, and in it one for each `describe`. */
function caseOfBun(name: string, suites: readonly Suite[]): Case {
  const file = suites.at(-1)?.file ?? "";
  return { file, names: [...suites.slice(1).map((suite) => suite.name), name], outcome: "passed" };
}

/** Deno writes all names into one; the outermost suite is the file. */
function caseOfDeno(fullName: string): Case {
  const [file = "", ...names] = fullName.split(separator);
  return { file, names, outcome: "passed" };
}

function attribute(attributes: string, name: string): string {
  const found = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
  return found.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&quot;/g, '"')
    .replace(/&apos;/g, "'").replace(/&#10;/g, "\n").replace(/&amp;/g, "&");
}

/** Deno reports a `describe` like a test, beside the tests in it. */
function withoutParents(cases: readonly Case[]): readonly Case[] {
  const parents = new Set<string>();
  for (const each of cases) {
    for (let depth = 0; depth < each.names.length; depth++) {
      parents.add(fullName({ ...each, names: each.names.slice(0, depth) }));
    }
  }
  return cases.filter((each) => !parents.has(fullName(each)));
}

function fullName({ file, names }: Pick<Case, "file" | "names">): string {
  return [file, ...names].join(separator);
}

function count(cases: readonly Case[]): TestReport {
  const of = (outcome: Case["outcome"]): readonly Case[] =>
    cases.filter((each) => each.outcome === outcome);
  return {
    passed: of("passed").length,
    failed: of("failed").length,
    skipped: of("skipped").map(({ names }) => names.join(separator)),
    files: new Set(cases.map(({ file }) => file)),
  };
}
