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

/** What a reader holds: the revision, and which of the two representations. */
export interface HeldTag {
  readonly revision: Revision;
  readonly form: "raw" | "record";
}

/** A list of tags of which a reader holds the representation, or `*`. */
export type HeldTags = readonly HeldTag[] | "any";

/** What stands in front of the number: nothing for a record, `r` for a list, `c` for members. */
export type TagKind = "" | "r" | "c";

const patterns: Readonly<Record<TagKind, RegExp>> = {
  "": tagPattern(""),
  "r": tagPattern("r"),
  "c": tagPattern("c"),
};

function tagPattern(kind: TagKind): RegExp {
  const number = `${kind}(0|[1-9][0-9]{0,15})`;
  return new RegExp(`^(?:(?:W/)?"${number}([-.;:][!#-~]*)?"|${number}([-.][A-Za-z0-9]+)?)$`);
}

/** The tags in an If-Match or If-None-Match value, or undefined when any of them is malformed. */
export function parseTags(text: string, kind: TagKind): Tags | undefined {
  const held = parseHeldTags(text, kind);
  return held === undefined || held === "any" ? held : held.map(({ revision }) => revision);
}

/** As {@link parseTags}; says of each tag also which representation it names. */
export function parseHeldTags(text: string, kind: TagKind): HeldTags | undefined {
  if (text.trim() === "*") return "any";
  const tags: HeldTag[] = [];
  for (const part of text.split(",")) {
    const match = patterns[kind].exec(part.trim());
    if (match === null) return undefined;
    const revision = Number(match[1] ?? match[3]);
    if (!Number.isSafeInteger(revision)) return undefined;
    // What a proxy adds stands behind the form: `"42.r-gzip"`.
    const isRecord = /^\.r(?![A-Za-z0-9])/.test(match[2] ?? match[4] ?? "");
    tags.push({ revision, form: isRecord ? "record" : "raw" });
  }
  return tags;
}

/**
 * Whether a reader that holds `held` has what it would be sent. The two representations of a record
 * differ, so neither tag stands for the other (RFC 9110 §8.8.3, §13.1.2); of an absent key there is
 * but one.
 */
export function isHeld(held: HeldTags, { revision, form }: HeldTag): boolean {
  if (held === "any") return revision !== 0;
  return held.some((tag) => tag.revision === revision && (revision === 0 || tag.form === form));
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
