/** Finds what a file imports and re-exports, and whether the import exists at run time. */

import type { Token } from "./tokens.ts";

export interface ImportStatement {
  /** As written: a relative path, or the name of a package. */
  readonly specifier: string;
  readonly line: number;
  /**
   * Written `import type` or `export type`. A clause of which every name is marked `type` still
   * loads the module at run time, so it does not count.
   */
  readonly typeOnly: boolean;
  /** Written `import(…)`: the module is loaded when the program comes to this place. */
  readonly deferred: boolean;
}

/** Static and dynamic imports and re-exports, in order. */
export function importStatements(tokens: readonly Token[]): readonly ImportStatement[] {
  const found: ImportStatement[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    if (token.kind !== "name" || isMember(tokens, at)) continue;
    if (token.text === "import") found.push(...readImport(tokens, at));
    else if (token.text === "export") found.push(...readExport(tokens, at));
  }
  return found;
}

/** Behind a dot it is a property that happens to be called so. */
function isMember(tokens: readonly Token[], at: number): boolean {
  const before = tokens[at - 1]?.text;
  return before === "." || before === "?.";
}

function readImport(tokens: readonly Token[], at: number): readonly ImportStatement[] {
  const line = tokens[at]!.line;
  const next = tokens[at + 1];
  if (next?.kind === "string") {
    return [{ specifier: next.text, line, typeOnly: false, deferred: false }];
  }
  if (next?.text === "(") {
    const argument = tokens[at + 2];
    // An import whose target is computed cannot be judged; the empty name is refused by the law.
    const specifier = argument?.kind === "string" ? argument.text : "";
    return [{ specifier, line, typeOnly: false, deferred: true }];
  }
  if (next?.text === "." || next?.text === ":") return [];
  return readFrom(tokens, at);
}

function readExport(tokens: readonly Token[], at: number): readonly ImportStatement[] {
  const [next, afterNext] = [tokens[at + 1]?.text, tokens[at + 2]?.text];
  const opens = next === "type" ? afterNext : next;
  return opens === "{" || opens === "*" ? readFrom(tokens, at) : [];
}

/** From `import` or `export` to `from "…"`; nothing when the statement ends before. */
function readFrom(tokens: readonly Token[], at: number): readonly ImportStatement[] {
  const typeOnly = tokens[at + 1]?.text === "type" && tokens[at + 2]?.text !== "from";
  for (let end = at + 1; end < tokens.length; end++) {
    const token = tokens[end]!;
    if (token.kind === "punctuation" && !/^[{},*]$/.test(token.text)) return [];
    if (token.text !== "from" || token.kind !== "name") continue;
    const specifier = tokens[end + 1];
    if (specifier?.kind !== "string") continue;
    return [{ specifier: specifier.text, line: tokens[at]!.line, typeOnly, deferred: false }];
  }
  return [];
}
