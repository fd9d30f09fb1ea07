/**
 * Entity tags. A record's tag is its mod revision (`"42"`, in record form `"42.r"`), an absent key
 * has `"0"`, a list has the revision it was read at (`"r1842"`), a configuration its index
 * (`"c17"`).
 *
 * What a client sends back may have passed through proxies that weaken tags (`W/"42"`) or add a
 * suffix (`"42-gzip"`); both still mean the same. Everything else is an error: a condition that is
 * not understood must never be ignored.
 */

import type { Revision } from "../service/contract.ts";

/** A list of tags, or `*`. */
export type Tags = readonly Revision[] | "any";

/** What stands in front of the number: nothing for a record, `r` for a list, `c` for members. */
export type TagKind = "" | "r" | "c";

const patterns: Readonly<Record<TagKind, RegExp>> = {
  "": tagPattern(""),
  "r": tagPattern("r"),
  "c": tagPattern("c"),
};

function tagPattern(kind: TagKind): RegExp {
  const opaque = `${kind}(0|[1-9][0-9]{0,15})(?:[-.;:][!#-~]*)?`;
  return new RegExp(`^(?:(?:W/)?"${opaque}"|${kind}(0|[1-9][0-9]{0,15})(?:[-.][A-Za-z0-9]+)?)$`);
}

/** The tags in an If-Match or If-None-Match value, or undefined when any of them is malformed. */
export function parseTags(text: string, kind: TagKind): Tags | undefined {
  if (text.trim() === "*") return "any";
  const tags: Revision[] = [];
  for (const part of text.split(",")) {
    const match = patterns[kind].exec(part.trim());
    if (match === null) return undefined;
    const number = Number(match[1] ?? match[2]);
    if (!Number.isSafeInteger(number)) return undefined;
    tags.push(number);
  }
  return tags;
}

/** The tag of a record in raw form. */
export function recordTag(mod: Revision): string {
  return `"${mod}"`;
}

/** The same record in another representation: a strong tag must differ (RFC 9110 §8.8.1). */
export function recordFormTag(mod: Revision): string {
  return `"${mod}.r"`;
}

/** The tag of a list that was read at `revision`. */
export function listTag(revision: Revision): string {
  return `"r${revision}"`;
}

/** The tag of the members, who change with the configuration alone. */
export function configurationTag(index: number): string {
  return `"c${index}"`;
}

export const absentTag = '"0"';
