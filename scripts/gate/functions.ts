/** Finds the functions of a file and how long they are, by brackets alone. */

import type { Token } from "./tokens.ts";

export interface FunctionSpan {
  /** The name where one stands in front of the parameters, else "function". */
  readonly name: string;
  readonly line: number;
  /** From the line of the parameters to the line of the closing brace. */
  readonly lines: number;
}

const opening: ReadonlySet<string> = new Set(["(", "[", "{"]);
const closing: ReadonlySet<string> = new Set([")", "]", "}"]);
/** Names behind which parentheses and a brace are a statement, not a function. */
const statements: ReadonlySet<string> = new Set(["if", "for", "while", "switch", "catch", "with"]);
/** Containers of tests: their length is the number of tests in them. */
const containers: ReadonlySet<string> = new Set(["describe"]);
/** Behind one of these a type goes on, so that a brace opens an object type and not a body. */
const typeGoesOn: ReadonlySet<string> = new Set(
  [":", "|", "&", "=>", "<", ",", "(", "[", "extends", "is", "readonly", "keyof", "asserts", "?"],
);

/** Every function with a body, nested ones too. The callbacks of `describe` are left out. */
export function functionSpans(tokens: readonly Token[]): readonly FunctionSpan[] {
  const partner = matchBrackets(tokens);
  const spans: FunctionSpan[] = [];
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at]!.kind !== "punctuation") continue;
    const span = tokens[at]!.text === "=>"
      ? arrowSpan(tokens, partner, at)
      : tokens[at]!.text === "("
      ? parametersSpan(tokens, partner, at)
      : undefined;
    if (span !== undefined) spans.push(span);
  }
  return spans;
}

/** The index of the other bracket of each pair. */
function matchBrackets(tokens: readonly Token[]): ReadonlyMap<number, number> {
  const partner = new Map<number, number>();
  const open: number[] = [];
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== "punctuation") continue;
    if (opening.has(token.text)) open.push(at);
    if (!closing.has(token.text)) continue;
    const start = open.pop();
    if (start === undefined) continue;
    partner.set(start, at).set(at, start);
  }
  return partner;
}

function arrowSpan(
  tokens: readonly Token[],
  partner: ReadonlyMap<number, number>,
  arrow: number,
): FunctionSpan | undefined {
  const end = partner.get(arrow + 1);
  if (tokens[arrow + 1]?.text !== "{" || end === undefined) return undefined;
  let start = arrow - 1;
  // A return type may stand between the parameters and the arrow; then go back to its colon.
  while (start > 0 && tokens[start]!.text !== ")" && tokens[start]!.line === tokens[arrow]!.line) {
    start--;
  }
  const parameters = partner.get(start) ?? arrow - 1;
  if (isContainer(tokens, partner, parameters)) return undefined;
  return span(tokens, { name: "function", start: parameters, end });
}

/** Whether the function that starts at `start` is an argument of `describe(…)`. */
function isContainer(
  tokens: readonly Token[],
  partner: ReadonlyMap<number, number>,
  start: number,
): boolean {
  for (let at = start - 1; at >= 0; at--) {
    const { kind, text } = tokens[at]!;
    if (kind !== "punctuation") continue;
    if (closing.has(text)) at = partner.get(at) ?? at;
    else if (opening.has(text)) return text === "(" && containers.has(tokens[at - 1]?.text ?? "");
    else if (text === ";") return false;
  }
  return false;
}

/** `name(…) {`, `name(…): Type {` and `function (…) {`. */
function parametersSpan(
  tokens: readonly Token[],
  partner: ReadonlyMap<number, number>,
  start: number,
): FunctionSpan | undefined {
  const before = tokens[start - 1];
  if (before === undefined || statements.has(before.text)) return undefined;
  const close = partner.get(start);
  if (close === undefined) return undefined;
  // Behind the parameters of an arrow function its arrow ends the search; arrowSpan takes it.
  const isNamed = before.kind === "name" && before.text !== "async";
  const body = bodyBehind(tokens, partner, { from: close + 1, mayPassArrow: isNamed });
  const end = body === undefined ? undefined : partner.get(body);
  if (end === undefined) return undefined;
  const name = before.kind === "name" ? before.text : "function";
  return span(tokens, { name, start: start - 1, end });
}

function bodyBehind(
  tokens: readonly Token[],
  partner: ReadonlyMap<number, number>,
  { from, mayPassArrow }: { readonly from: number; readonly mayPassArrow: boolean },
): number | undefined {
  if (tokens[from]?.text === "{") return from;
  if (tokens[from]?.text !== ":") return undefined;
  let angles = 0;
  for (let at = from + 1; at < tokens.length; at++) {
    const { text, kind } = tokens[at]!;
    if (kind !== "punctuation") continue;
    if (text === "{" && !typeGoesOn.has(tokens[at - 1]!.text)) return at;
    if (opening.has(text)) at = partner.get(at) ?? at;
    else if (text === "<") angles++;
    else if (text === ">") angles--;
    else if (angles > 0) continue;
    else if (/^[;,=)\]}?]$/.test(text) || (text === "=>" && !mayPassArrow)) return undefined;
  }
  return undefined;
}

function span(
  tokens: readonly Token[],
  at: { readonly name: string; readonly start: number; readonly end: number },
): FunctionSpan {
  const line = tokens[at.start]!.line;
  return { name: at.name, line, lines: tokens[at.end]!.line - line + 1 };
}
