/** Reads the configuration file: the only place that knows YAML. */

import { readFileSync } from "node:fs";
import { isMap, isScalar, LineCounter, parseDocument, visit, type YAMLMap } from "yaml";
import { nearest } from "../lib/nearest.ts";
import type { ConfigProblem } from "./problem.ts";
import { ConfigError, shown } from "./problem.ts";
import { type Key, keys, sectionNames } from "./schema.ts";

/** A value together with where it was written. */
export interface Given {
  readonly key: Key;
  readonly value: unknown;
  readonly origin: Origin;
}

/** Where a value in effect came from. */
export type Origin =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly file: string; readonly line: number }
  | { readonly kind: "environment"; readonly variable: string }
  | { readonly kind: "flag"; readonly flag: string };

/** As in messages and in `config print`. */
export function formatOrigin(origin: Origin): string {
  switch (origin.kind) {
    case "default":
      return "default";
    case "file":
      return `${origin.file}:${origin.line}`;
    case "environment":
      return origin.variable;
    case "flag":
      return origin.flag;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([{
      path: "",
      origin: "",
      message: `Cannot read ${JSON.stringify(file)}: ${reason}`,
    }]);
  }
}

/** The keys that `file` sets; problems with its structure are added to `problems`. */
export function readConfigFile(file: string, problems: ConfigProblem[]): readonly Given[] {
  const lines = new LineCounter();
  const document = parseDocument(readText(file), { lineCounter: lines, prettyErrors: false });
  for (const error of document.errors) {
    const { line } = lines.linePos(error.pos[0]);
    problems.push({ path: "", origin: `${file}:${line}`, message: oneLine(error.message) });
  }
  visit(document, {
    Alias(_, { source, range }) {
      const { line } = lines.linePos(range?.[0] ?? 0);
      const message = `*${source} is an alias; allowed is the value itself`;
      problems.push({ path: "", origin: `${file}:${line}`, message });
    },
  });
  if (problems.length > 0 || document.contents === null) return [];
  if (isScalar(document.contents) && document.contents.value === null) return [];
  if (!isMap(document.contents)) {
    problems.push({ path: "", origin: file, message: "The file must be a mapping of keys" });
    return [];
  }
  const reader: Reader = { file, lines, problems, given: [] };
  readTop(reader, document.contents);
  return reader.given;
}

function oneLine(message: string): string {
  return message.split("\n", 1)[0] ?? message;
}

interface Reader {
  readonly file: string;
  readonly lines: LineCounter;
  readonly problems: ConfigProblem[];
  readonly given: Given[];
}

function readTop(reader: Reader, map: YAMLMap): void {
  for (const { name, node, line } of entries(reader, map)) {
    if (!sectionNames.includes(name)) readKey(reader, name, node, line);
    else if (isMap(node)) readSection(reader, name, node);
    else if (!isEmpty(node)) {
      const message = `${name} is ${shown(plain(node))}; allowed is a mapping of keys`;
      report(reader, { path: name, line, message });
    }
  }
}

function readSection(reader: Reader, section: string, map: YAMLMap): void {
  for (const { name, node, line } of entries(reader, map)) {
    readKey(reader, `${section}.${name}`, node, line);
  }
}

function readKey(reader: Reader, path: string, node: unknown, line: number): void {
  const key = keys.get(path);
  if (key === undefined) {
    report(reader, { path, line, message: unknownKeyMessage(path) });
    return;
  }
  const origin: Origin = { kind: "file", file: reader.file, line };
  reader.given.push({ key, value: plain(node), origin });
}

/** "x is not a known key", and the one that was probably meant, or where all stand. */
export function unknownKeyMessage(path: string): string {
  const name = path.slice(path.lastIndexOf(".") + 1);
  const sameName = [...keys.values()].find((key) => key.name === name)?.path;
  // Whoever names a section already does not mean the section.
  const known = path.includes(".") ? keys.keys() : [...keys.keys(), ...sectionNames];
  const meant = sameName ?? nearest(path, known);
  const hint = meant === undefined ? "skein config print lists all" : `did you mean ${meant}?`;
  return `${path} is not a known key; ${hint}`;
}

interface MapEntry {
  readonly name: string;
  readonly node: unknown;
  readonly line: number;
}

function entries(reader: Reader, map: YAMLMap): readonly MapEntry[] {
  return map.items.map((pair) => {
    const offset = isScalar(pair.key) ? pair.key.range?.[0] ?? 0 : 0;
    const name = String(isScalar(pair.key) ? pair.key.value : pair.key);
    return { name, node: pair.value, line: reader.lines.linePos(offset).line };
  });
}

function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

/** A YAML node as plain data. */
function plain(node: unknown): unknown {
  if (node === null || node === undefined) return null;
  if (typeof node === "object" && "toJSON" in node && typeof node.toJSON === "function") {
    return node.toJSON();
  }
  return node;
}

function report(
  reader: Reader,
  problem: { readonly path: string; readonly line: number; readonly message: string },
): void {
  const { path, line, message } = problem;
  reader.problems.push({ path, origin: `${reader.file}:${line}`, message });
}
