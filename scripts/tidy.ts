/**
 * Checks the house rules (scripts/gate/house_rules.ts) as a ratchet: what broke a rule before it
 * was one stands in scripts/tidy_exceptions.json, counted per file and rule, and those counts may
 * only go down. One that is too high fails like one that is too low, so the list is always true.
 *
 *     bun scripts/tidy.ts            check
 *     bun scripts/tidy.ts --shrink   lower the counts to what is left; never raises one
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { codeRules, parseFile, textRules } from "./gate/house_rules.ts";
import type { ParsedFile, Rule } from "./gate/rule.ts";
import {
  findFiles,
  formatViolation,
  readSources,
  type SourceFile,
  type Violation,
} from "./gate/sources.ts";

/** How often a file may break a rule: path → rule → count. */
export type Exceptions = Readonly<Record<string, Readonly<Record<string, number>>>>;

const exceptionsPath = "scripts/tidy_exceptions.json";

/** Every breach of a house rule in `files`, exceptions not yet taken off. */
export function findBreaches(files: readonly SourceFile[]): readonly Violation[] {
  return files.flatMap((file) => {
    const parsed = parseFile(file);
    const isCode = file.path.endsWith(".ts") && !file.path.endsWith(".gen.ts");
    return [...(isCode ? codeRules : []), ...textRules].flatMap((rule) => apply(rule, parsed));
  });
}

function apply(rule: Rule, file: ParsedFile): readonly Violation[] {
  return rule.check(file).map((finding) => ({ path: file.path, rule: rule.name, ...finding }));
}

/**
 * What is left of `breaches` when `exceptions` are taken off. A file with more breaches of a rule
 * than its exception shows all of them; one with fewer shows the exception as out of date.
 */
export function checkRatchet(
  breaches: readonly Violation[],
  exceptions: Exceptions,
): readonly Violation[] {
  const counts = countBreaches(breaches);
  const over = breaches.filter(({ path, rule }) =>
    counts[path]![rule]! > (exceptions[path]?.[rule] ?? 0)
  );
  const stale = Object.entries(exceptions).flatMap(([path, rules]) =>
    Object.entries(rules).flatMap(([rule, allowed]) => {
      const left = counts[path]?.[rule] ?? 0;
      if (left >= allowed) return [];
      const message = `${path} is excused ${allowed} times from ${rule} and needs ${left}; ` +
        "run tidy with --shrink";
      return [{ path: exceptionsPath, line: 1, rule: "ratchet", message }];
    })
  );
  return [...over, ...stale];
}

/** `exceptions` lowered to what the breaches still need; nothing is raised or added. */
export function shrinkExceptions(
  breaches: readonly Violation[],
  exceptions: Exceptions,
): Exceptions {
  const counts = countBreaches(breaches);
  const shrunk: Record<string, Record<string, number>> = {};
  for (const [path, rules] of Object.entries(exceptions)) {
    for (const [rule, allowed] of Object.entries(rules)) {
      const left = Math.min(allowed, counts[path]?.[rule] ?? 0);
      if (left > 0) (shrunk[path] ??= {})[rule] = left;
    }
  }
  return shrunk;
}

function countBreaches(breaches: readonly Violation[]): Exceptions {
  const counts: Record<string, Record<string, number>> = {};
  for (const { path, rule } of breaches) {
    const rules = counts[path] ??= {};
    rules[rule] = (rules[rule] ?? 0) + 1;
  }
  return counts;
}

/** Code, and what people read beside it. */
function readAll(root: string): readonly SourceFile[] {
  const folders = ["bin", "docs", "proto", "routes", "scripts", "src", "test", ".ci"];
  const others = [
    ...findFiles(root, folders, [".md", ".proto", ".mjs", ".yaml", ".yml", ".sh"]),
    ...["README.md", "CHANGELOG.md", "package.json", "deno.json"],
  ];
  const read = (path: string): readonly SourceFile[] => {
    try {
      return [{ path, text: readFileSync(join(root, path), "utf8") }];
    } catch {
      return [];
    }
  };
  return [...readSources(root), ...others.flatMap(read)];
}

function readExceptions(root: string): Exceptions {
  const parsed: unknown = JSON.parse(readFileSync(join(root, exceptionsPath), "utf8"));
  if (!isExceptions(parsed)) throw new Error(`${exceptionsPath} is not path → rule → count`);
  return parsed;
}

function isExceptions(value: unknown): value is Exceptions {
  const isRecord = (it: unknown): it is object => typeof it === "object" && it !== null;
  return isRecord(value) &&
    Object.values(value).every((rules: unknown) =>
      isRecord(rules) && Object.values(rules).every((count) => Number.isSafeInteger(count))
    );
}

function main(): void {
  const root = process.cwd();
  const files = readAll(root);
  const breaches = findBreaches(files);
  let exceptions = readExceptions(root);
  if (process.argv.includes("--shrink")) {
    exceptions = shrinkExceptions(breaches, exceptions);
    writeFileSync(join(root, exceptionsPath), `${JSON.stringify(exceptions, undefined, 2)}\n`);
  }
  const violations = checkRatchet(breaches, exceptions);
  for (const violation of violations) console.error(formatViolation(violation));
  if (violations.length > 0) process.exitCode = 1;
  else {
    const excused = breaches.length === 0 ? "" : `, ${breaches.length} old exceptions`;
    console.log(`tidy: ${files.length} files keep the house rules${excused}`);
  }
}

if (import.meta.main) main();
