/**
 * What JSON.parse takes and this interface does not: a member that stands twice in an object, where
 * the last one would win silently, and what would take the node's time and memory to read: nesting
 * so deep, or so many parts, of which each may be wrong and has to be told. JSON is looked at
 * before it is parsed, so that the text may be no JSON at all.
 */

import type { Issue } from "../service/errors.ts";
import { pathText } from "./json_path.ts";

/** Arrays and objects within each other. The deepest transaction has about 400. */
const depthMax = 500;
/** Members and elements of one body. The largest batch has 11,000, the largest transaction less. */
export const jsonPartsMax = 20_000;

/** How many more parts the texts of one body may have. */
export interface PartsLeft {
  count: number;
}

/** What the scanner is in the middle of. */
interface Open {
  /** The members so far; undefined in an array. */
  readonly names: Set<string> | undefined;
  /** The member or element that is being read. */
  step: string | number;
}

const code = {
  quote: 0x22,
  comma: 0x2c,
  colon: 0x3a,
  openArray: 0x5b,
  backslash: 0x5c,
  closeArray: 0x5d,
  openObject: 0x7b,
  closeObject: 0x7d,
} as const;

/** The first flaw of `text`, at its place; `root` is the place of the text itself. */
export function jsonFlaw(
  text: string,
  root: readonly (string | number)[] = [],
  left: PartsLeft = { count: jsonPartsMax },
): Issue | undefined {
  const open: Open[] = [];
  /** The last text, quotes included; empty once it has been a name. */
  let string = "";
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case code.quote: {
        const end = stringEnd(text, at);
        string = text.slice(at, end + 1);
        at = end;
        break;
      }
      case code.openArray:
        left.count -= 1;
        open.push({ names: undefined, step: 0 });
        break;
      case code.openObject:
        left.count -= 1;
        open.push({ names: new Set(), step: "" });
        break;
      case code.closeArray:
      case code.closeObject:
        open.pop();
        break;
      case code.comma: {
        left.count -= 1;
        const inner = open.at(-1);
        if (typeof inner?.step === "number") inner.step += 1;
        break;
      }
      case code.colon: {
        const flaw = nameFlaw(open, string, root);
        if (flaw !== undefined) return flaw;
        string = "";
      }
    }
    if (open.length > depthMax) return tooDeep(root);
    if (left.count < 0) return tooManyParts;
  }
  return undefined;
}

/** Where the text ends that begins at `start`; the end of all where it does not end. */
function stringEnd(text: string, start: number): number {
  for (let end = start;;) {
    end = text.indexOf('"', end + 1);
    if (end < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === code.backslash) backslashes++;
    if (backslashes % 2 === 0) return end;
  }
}

function nameFlaw(
  open: readonly Open[],
  string: string,
  root: readonly (string | number)[],
): Issue | undefined {
  const inner = open.at(-1);
  if (inner?.names === undefined || string === "") return undefined;
  const name = nameOf(string);
  inner.step = name;
  if (!inner.names.has(name)) {
    inner.names.add(name);
    return undefined;
  }
  const path = pathText([...root, ...open.map(({ step }) => step)]);
  return { path, message: `${path} is given twice` };
}

/** Two spellings of a name are one name. */
function nameOf(string: string): string {
  if (!string.includes("\\")) return string.slice(1, -1);
  try {
    return String(JSON.parse(string));
  } catch {
    return string;
  }
}

function tooDeep(root: readonly (string | number)[]): Issue {
  const path = pathText(root);
  const what = path === "" ? "The body" : path;
  return { path, message: `${what} nests deeper than ${depthMax} arrays and objects` };
}

const tooManyParts: Issue = {
  path: "",
  message: `The body has more than ${jsonPartsMax} members and elements, which is the limit`,
};
