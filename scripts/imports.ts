/**
 * Checks the import law (scripts/gate/import_law.ts): who may import whom, what the deterministic
 * parts may say, and that no import runs in a circle, not even one of types. Without a violation it
 * prints one line and ends with 0.
 */

import { posix } from "node:path";
import process from "node:process";
import { findCycles } from "./gate/cycles.ts";
import {
  impureMembers,
  impureNames,
  type Layer,
  layers,
  outsideFolders,
  runtimeGlobals,
  separateFolders,
} from "./gate/import_law.ts";
import { type ImportStatement, importStatements } from "./gate/import_statements.ts";
import { formatViolation, readSources, type SourceFile, type Violation } from "./gate/sources.ts";
import { type Token, tokenize } from "./gate/tokens.ts";

interface ParsedFile {
  readonly path: string;
  readonly tokens: readonly Token[];
  readonly imports: readonly ImportStatement[];
}

/** Every violation of the law in `files`, in order of path and line. */
export function checkImports(files: readonly SourceFile[]): readonly Violation[] {
  const parsed = files.map(({ path, text }) => {
    const { tokens } = tokenize(text);
    return { path, tokens, imports: importStatements(tokens) };
  });
  const paths = new Set(files.map(({ path }) => path));
  const violations = [
    ...parsed.flatMap((file) => [...checkStatements(file, paths), ...checkNames(file)]),
    ...checkGenerated(parsed),
    ...checkCycles(parsed),
  ];
  return violations.sort((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line);
}

/** The layer of a path; undefined where there is none. */
function layerOf(path: string): Layer | undefined {
  let best: Layer | undefined;
  let bestLength = 0;
  for (const layer of layers) {
    for (const files of layer.files) {
      const matches = files.endsWith("*") ? path.startsWith(files.slice(0, -1)) : path === files;
      if (matches && files.length > bestLength) [best, bestLength] = [layer, files.length];
    }
  }
  return best;
}

function isOutside(path: string): boolean {
  return outsideFolders.some((folder) => path.startsWith(folder));
}

/** The path that a relative specifier means; undefined for a package. */
function resolve(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return posix.normalize(posix.join(posix.dirname(from), specifier));
}

function checkStatements(file: ParsedFile, paths: ReadonlySet<string>): readonly Violation[] {
  const layer = layerOf(file.path);
  if (layer === undefined && !isOutside(file.path)) {
    const message = "file belongs to no layer; add it to scripts/gate/import_law.ts";
    return [{ path: file.path, line: 1, rule: "layer", message }];
  }
  return file.imports.flatMap((statement) => {
    const broken = checkStatement(file.path, layer, statement, paths);
    return broken === undefined ? [] : [{ path: file.path, line: statement.line, ...broken }];
  });
}

type Broken = { readonly rule: string; readonly message: string } | undefined;

function checkStatement(
  path: string,
  layer: Layer | undefined,
  statement: ImportStatement,
  paths: ReadonlySet<string>,
): Broken {
  const target = resolve(path, statement.specifier);
  if (target === undefined) return layer && checkPackage(layer, statement.specifier);
  // Whether a file of data is there is the compiler's to say: only sources are known here.
  if (!paths.has(target) && !target.endsWith(".json")) {
    return { rule: "resolve", message: `${statement.specifier} is not a file (${target})` };
  }
  if (layer === undefined) return undefined;
  if (isOutside(target)) {
    return { rule: "outside", message: `${path} imports ${target}; only tests and scripts may` };
  }
  return checkSeparate(path, target) ?? checkLayers(layer, target, statement.typeOnly);
}

function checkPackage(layer: Layer, specifier: string): Broken {
  const allowed = layer.packages.some((name) =>
    name.endsWith(":*") ? specifier.startsWith(name.slice(0, -1)) : isOfPackage(specifier, name)
  );
  if (allowed) return undefined;
  const list = layer.packages.length === 0 ? "none" : layer.packages.join(", ");
  const shown = specifier === "" ? "a computed module" : specifier;
  return { rule: "package", message: `${layer.name} imports ${shown}; packages allowed: ${list}` };
}

function isOfPackage(specifier: string, name: string): boolean {
  return specifier === name || specifier.startsWith(`${name}/`);
}

function checkSeparate(path: string, target: string): Broken {
  const [from, to] = [path, target].map((file) =>
    separateFolders.find((folder) => file.startsWith(folder))
  );
  if (from === undefined || to === undefined || from === to) return undefined;
  return { rule: "adapter", message: `${from} imports ${to}; adapters never import each other` };
}

function checkLayers(layer: Layer, target: string, typeOnly: boolean): Broken {
  const to = layerOf(target);
  if (to === undefined || to === layer || to.name === "lib") return undefined;
  if (layer.values.includes(to.name)) return undefined;
  const isType = layer.types.includes(to.name);
  if (isType && typeOnly) return undefined;
  const allowed = [
    ...new Set(["lib", ...layer.values]),
    ...layer.types.map((name) => `types of ${name}`),
  ].join(", ");
  const message = isType
    ? `${layer.name} may import only types of ${to.name}: write "import type"`
    : `${layer.name} imports ${to.name} (${target}); allowed: ${layer.name}, ${allowed}`;
  return { rule: "layer", message };
}

function checkNames(file: ParsedFile): readonly Violation[] {
  const layer = layerOf(file.path);
  if (layer === undefined) return [];
  const violations: Violation[] = [];
  for (const [at, token] of file.tokens.entries()) {
    if (token.kind !== "name") continue;
    const broken = checkName(layer, file.tokens, at);
    if (broken !== undefined) violations.push({ path: file.path, line: token.line, ...broken });
  }
  return violations;
}

function checkName(layer: Layer, tokens: readonly Token[], at: number): Broken {
  const { text } = tokens[at]!;
  const before = tokens[at - 1]?.text;
  const isMember = before === "." || before === "?.";
  if (layer.pure === true) {
    if (isMember ? impureMembers.has(text) : impureNames.has(text) && !isKey(tokens, at)) {
      return {
        rule: "pure",
        message:
          `${layer.name} says ${text}; it is deterministic and has no time, no randomness, ` +
          "no promises and no surroundings: let them come in as values",
      };
    }
  }
  const speakers = isMember ? undefined : ownValue(runtimeGlobals, text);
  if (speakers === undefined || speakers.includes(layer.name) || isKey(tokens, at)) {
    return undefined;
  }
  return {
    rule: "runtime",
    message: `${layer.name} says ${text}; only ${speakers.join(", ")} may`,
  };
}

/** `name:` behind `{`, `,`, `;` or `readonly` names a member; it does not mean the global. */
function isKey(tokens: readonly Token[], at: number): boolean {
  const before = tokens[at - 1]?.text ?? "";
  const behind = tokens[at + 1]?.text === "?" ? tokens[at + 2]?.text : tokens[at + 1]?.text;
  return behind === ":" && /^(?:[{,;(]|readonly)$/.test(before);
}

function ownValue<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Generated code has one door: the file that gives it a shape for the others. */
function checkGenerated(files: readonly ParsedFile[]): readonly Violation[] {
  const importers = new Map<string, string>();
  const violations: Violation[] = [];
  for (const file of files) {
    if (isOutside(file.path)) continue;
    for (const { specifier, line } of file.imports) {
      const target = resolve(file.path, specifier);
      if (target === undefined || !target.endsWith(".gen.ts")) continue;
      const first = importers.get(target);
      if (first === undefined) importers.set(target, file.path);
      if (first === undefined || first === file.path) continue;
      const message = `${target} is generated and has one importer, ${first}; import that`;
      violations.push({ path: file.path, line, rule: "generated", message });
    }
  }
  return violations;
}

function checkCycles(files: readonly ParsedFile[]): readonly Violation[] {
  const edges = new Map<string, readonly string[]>();
  for (const file of files) {
    const targets = file.imports.map(({ specifier }) => resolve(file.path, specifier));
    edges.set(file.path, targets.filter((target) => target !== undefined));
  }
  return findCycles(edges).map((cycle) => ({
    path: cycle[0]!,
    line: 1,
    rule: "cycle",
    message: `imports run in a circle: ${[...cycle, cycle[0]!].join(" → ")}`,
  }));
}

function main(): void {
  const files = readSources(process.cwd());
  const violations = checkImports(files);
  for (const violation of violations) console.error(formatViolation(violation));
  if (violations.length > 0) process.exitCode = 1;
  else console.log(`imports: ${files.length} files keep the law`);
}

if (import.meta.main) main();
