/**
 * The house rules that a machine can check (docs/STYLE.md). Each takes one file and reports where
 * it breaks the rule; `scripts/tidy.ts` runs them all and holds the list of old exceptions.
 */

import { functionSpans } from "./functions.ts";
import { checkDocstrings } from "./docstrings.ts";
import type { Finding, ParsedFile, Rule } from "./rule.ts";
import type { SourceFile } from "./sources.ts";
import { type Token, tokenize } from "./tokens.ts";

export const fileLinesMax = 400;
export const functionLinesMax = 70;
export const lineColumnsMax = 100;

/** Cuts a file into what the rules look at. */
export function parseFile(file: SourceFile): ParsedFile {
  const lines = file.text.split("\n");
  return { ...file, lines, ...tokenize(file.text) };
}

/** Rules for TypeScript; generated files are excused from all of them. */
export const codeRules: readonly Rule[] = [
  { name: "file-length", check: checkFileLength },
  { name: "function-length", check: checkFunctionLength },
  { name: "columns", check: checkColumns },
  { name: "file-name", check: checkFileName },
  { name: "default-export", check: checkDefaultExport },
  { name: "any", check: checkAny },
  { name: "enum", check: checkEnum },
  { name: "cast", check: checkCasts },
  { name: "vague-name", check: checkVagueNames },
  { name: "docstring", check: checkDocstrings },
  { name: "skipped-test", check: checkSkippedTests },
];

/** Rules for every file that people read. */
export const textRules: readonly Rule[] = [
  { name: "unfinished", check: checkUnfinished },
  { name: "machine-path", check: checkMachinePaths },
];

function checkFileLength({ lines }: ParsedFile): readonly Finding[] {
  const count = lines.at(-1) === "" ? lines.length - 1 : lines.length;
  if (count <= fileLinesMax) return [];
  return [{ line: fileLinesMax + 1, message: `${count} lines, allowed are ${fileLinesMax}` }];
}

function checkFunctionLength({ tokens }: ParsedFile): readonly Finding[] {
  return functionSpans(tokens).filter(({ lines }) => lines > functionLinesMax).map((span) => ({
    line: span.line,
    message: `${span.name} has ${span.lines} lines, allowed are ${functionLinesMax}`,
  }));
}

function checkColumns({ lines }: ParsedFile): readonly Finding[] {
  return lines.flatMap((text, at) => {
    const columns = [...text].length;
    if (columns <= lineColumnsMax) return [];
    return [{ line: at + 1, message: `${columns} columns, allowed are ${lineColumnsMax}` }];
  });
}

const snakeCase = /^[a-z0-9]+(?:_[a-z0-9]+)*$/;

function checkFileName({ path }: ParsedFile): readonly Finding[] {
  const names = path.replace(/(?:\.gen|\.d)?\.ts$/, "").split("/");
  return names.filter((name) => !snakeCase.test(name)).map((name) => ({
    line: 1,
    message: `${name} is not snake_case`,
  }));
}

function checkDefaultExport({ tokens }: ParsedFile): readonly Finding[] {
  return tokens.flatMap((token, at) =>
    token.text === "default" && tokens[at - 1]?.text === "export" && token.kind === "name"
      ? [{ line: token.line, message: "default export; give it a name" }]
      : []
  );
}

/** A name that stands for itself: no property, no key of an object, no string. */
function isPlainName(tokens: readonly Token[], at: number, name: string): boolean {
  const token = tokens[at]!;
  if (token.kind !== "name" || token.text !== name) return false;
  const [before, behind] = [tokens[at - 1]?.text, tokens[at + 1]?.text];
  return before !== "." && before !== "?." && behind !== ":" && behind !== "(";
}

function checkAny({ tokens }: ParsedFile): readonly Finding[] {
  return tokens.flatMap((token, at) =>
    isPlainName(tokens, at, "any")
      ? [{ line: token.line, message: "any; say what it is, or unknown and find out" }]
      : []
  );
}

function checkEnum({ tokens }: ParsedFile): readonly Finding[] {
  return tokens.flatMap((token, at) =>
    isPlainName(tokens, at, "enum") && tokens[at + 1]?.kind === "name"
      ? [{ line: token.line, message: "enum; use a union of literals" }]
      : []
  );
}

/**
 * Where bytes and foreign values become ours, a cast says what was just checked. Tests may cast,
 * because they hand in what no caller may.
 */
const castFolders: readonly RegExp[] = [
  /^test\//,
  /^src\/grpc\/convert(?:_[a-z]+)?\.ts$/,
  /^src\/grpc\/codec\.ts$/,
  /^src\/config\/camel\.ts$/,
  /^src\/http\/options\.ts$/,
  /^src\/runtime\//,
];

function checkCasts({ path, tokens }: ParsedFile): readonly Finding[] {
  if (castFolders.some((pattern) => pattern.test(path))) return [];
  const clauses = importClauses(tokens);
  return tokens.flatMap((token, at) => {
    if (!isPlainName(tokens, at, "as") || clauses.has(at) || renamesKey(tokens, at)) return [];
    const behind = tokens[at + 1]!;
    const isCast = /^(?:name|string|template)$/.test(behind.kind) || /^[[{(]$/.test(behind.text);
    if (!isCast || behind.text === "const" || !isOperandEnd(tokens[at - 1])) return [];
    return [{ line: token.line, message: `cast to ${behind.text}; let the type be proven` }];
  });
}

/** `{ [Name in keyof T as …]: … }`, where `as` says no more than another name. */
function renamesKey(tokens: readonly Token[], at: number): boolean {
  return tokens[at - 2]?.text === "keyof" && tokens[at - 3]?.text === "in";
}

function isOperandEnd(token: Token | undefined): boolean {
  if (token === undefined) return false;
  return token.kind !== "punctuation" || /^[)\]}!>]$/.test(token.text);
}

/** Where `as` renames: between `import` or `export` and its `from` or closing brace. */
function importClauses(tokens: readonly Token[]): ReadonlySet<number> {
  const inside = new Set<number>();
  for (let at = 0; at < tokens.length; at++) {
    const { text, kind } = tokens[at]!;
    if (kind !== "name" || (text !== "import" && text !== "export")) continue;
    let end = tokens[at + 1]?.text === "type" ? at + 2 : at + 1;
    if (!/^[{*]$/.test(tokens[end]?.text ?? "")) continue;
    while (
      end < tokens.length && !/^[};]$/.test(tokens[end]!.text) && tokens[end]!.text !== "from"
    ) {
      inside.add(end++);
    }
  }
  return inside;
}

const vagueWords: ReadonlySet<string> = new Set(
  "util utils utility utilities manager helper helpers common misc stuff".split(" "),
);
const declarations: ReadonlySet<string> = new Set(
  ["function", "class", "interface", "type", "const", "let"],
);

/** In file names, and in what a file declares at its outermost level. */
function checkVagueNames({ path, tokens }: ParsedFile): readonly Finding[] {
  const findings: Finding[] = [];
  const vague = (name: string): string | undefined =>
    name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase().split(/[^a-z0-9]+/).find((word) =>
      vagueWords.has(word)
    );
  const inPath = vague(path);
  if (inPath !== undefined) findings.push({ line: 1, message: `${inPath} says nothing; name it` });
  let depth = 0;
  for (const [at, token] of tokens.entries()) {
    if (token.kind === "punctuation" && /^[{([]$/.test(token.text)) depth++;
    if (token.kind === "punctuation" && /^[})\]]$/.test(token.text)) depth--;
    if (depth > 0 || token.kind !== "name" || !declarations.has(token.text)) continue;
    const name = tokens[at + 1];
    if (name?.kind !== "name" || vague(name.text) === undefined) continue;
    findings.push({ line: name.line, message: `${name.text} says nothing; name what it does` });
  }
  return findings;
}

const testWords: ReadonlySet<string> = new Set(["it", "describe", "test", "suite"]);

/** A test that does not run says why; none keeps the others from running. */
function checkSkippedTests({ path, tokens }: ParsedFile): readonly Finding[] {
  if (!path.startsWith("test/")) return [];
  return tokens.flatMap((token, at) => {
    if (token.kind !== "name") return [];
    const [before, behind] = [tokens[at - 1]?.text, tokens[at + 1]?.text];
    const owner = before === "." ? tokens[at - 2]?.text ?? "" : "";
    const found = (message: string): readonly Finding[] => [{ line: token.line, message }];
    if (testWords.has(owner) && /^(?:only|skip|todo|ignore)$/.test(token.text)) {
      return found(`${owner}.${token.text}; write { skip: "the reason" } instead`);
    }
    if (behind === ":" && /^(?:only|todo)$/.test(token.text) && /^[{,]$/.test(before ?? "")) {
      return found(`${token.text}: in the options of a test`);
    }
    const value = tokens[at + 2];
    if (token.text === "skip" && behind === ":" && value?.text === "true") {
      return found("skip: true; write the reason instead of true");
    }
    if (token.text === "skip" && before === "." && behind === "(" && value?.text === ")") {
      return found("skip() without a reason");
    }
    return [];
  });
}

// Written in two halves, so that this file does not break its own rule.
const unfinished = new RegExp(
  `\\b(?:${["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].join("|")})\\b`,
);

function checkUnfinished({ lines }: ParsedFile): readonly Finding[] {
  return lines.flatMap((text, at) => {
    const word = unfinished.exec(text)?.[0];
    return word === undefined ? [] : [{ line: at + 1, message: `${word}; finish it or drop it` }];
  });
}

const machinePath = new RegExp(
  `(?<![\\w.~-])(?:/(?:home|Users|root|work)/[\\w.-]+|[A-Z]:\\\\\\\\?Users)`,
);

function checkMachinePaths({ lines }: ParsedFile): readonly Finding[] {
  return lines.flatMap((text, at) => {
    const path = machinePath.exec(text)?.[0];
    return path === undefined
      ? []
      : [{ line: at + 1, message: `${path} exists on one machine only` }];
  });
}
