/** The options that operations share, each with its schema, its limits and its header twin. */

import { z } from "@hono/zod-openapi";
import { fromBase64url } from "../lib/bytes.ts";
import { keyBytesMax, type ReadLevel } from "../service/contract.ts";
import { durationSchema, ttlSchema } from "./durations.ts";
import { type HeldTags, parseHeldTags, parseTags, type TagKind, type Tags } from "./etag.ts";
import type { HeaderTwin, Option } from "./options.ts";
import { cursorLengthMax } from "./head_limits.ts";
import { isLeaseId, leaseIdAllowed } from "./int64.ts";
import { mediaTypeOption } from "./media_type.ts";

function text<T>(schema: z.ZodType<T>, twin?: HeaderTwin): Option<T> {
  return twin === undefined ? { schema, takes: "text" } : { schema, takes: "text", twin };
}

/** A header whose whole value is the option's. */
function header(name: string): HeaderTwin {
  return { header: name, read: (value) => value };
}

/** A number with a unit; its value is in ms. */
export function durationOption(description: string, range: {
  readonly minMs: number;
  readonly maxMs: number;
  readonly allowed: string;
}): Option<number> {
  return text(durationSchema(description, range));
}

/** A decimal integer. */
export function countOption(description: string, range: {
  readonly min: number;
  readonly max: number;
}): Option<number> {
  const schema = z.string().transform((given, context) => {
    const number = /^[0-9]{1,16}$/.test(given) ? Number(given) : NaN;
    if (number >= range.min && number <= range.max) return number;
    context.addIssue(`allowed is an integer from ${range.min} to ${range.max}`);
    return z.NEVER;
  }).openapi({
    type: "integer",
    format: "int64",
    minimum: range.min,
    maximum: range.max,
    description,
  });
  return text(schema);
}

/** The same, told by a header as well. */
export function twinned<T>(option: Option<T>, twin: HeaderTwin): Option<T> {
  return { ...option, twin };
}

/** `?reverse`, `?reverse=true` and `?reverse=false`. */
export function flagOption(description: string): Option<boolean> {
  const schema = z.enum(["", "true", "false"], { error: "allowed are true and false" })
    .transform((given) => given !== "false")
    .openapi({ type: "boolean", description, param: { allowEmptyValue: true } });
  return text(schema);
}

/** One of a few words; `later` ones are refused as of a later version. */
export function choiceOption<const C extends string>(
  description: string,
  choices: readonly C[],
  more: { readonly twin?: HeaderTwin; readonly later?: readonly string[] } = {},
): Option<C> {
  const schema = z.string().transform((given, context): C => {
    const chosen = choices.find((choice) => choice === given);
    if (chosen !== undefined) return chosen;
    const later = more.later?.includes(given) === true;
    context.addIssue(
      later ? "which is not available in this version" : `allowed are ${choices.join(", ")}`,
    );
    return z.NEVER;
  }).openapi({ type: "string", enum: [...choices], description });
  return text(schema, more.twin);
}

/** Any bytes, percent-encoded; at most as long as a key. */
export function bytesOption(description: string): Option<Uint8Array> {
  return anyBytes(description, { bytesMin: 0, allowed: `allowed are up to ${keyBytesMax} bytes` });
}

/** A key, percent-encoded. */
export function keyOption(description: string): Option<Uint8Array> {
  return anyBytes(description, { bytesMin: 1, allowed: `allowed are 1 to ${keyBytesMax} bytes` });
}

function anyBytes(description: string, { bytesMin, allowed }: {
  readonly bytesMin: 0 | 1;
  readonly allowed: string;
}): Option<Uint8Array> {
  const schema = z.custom<Uint8Array>(
    (given) =>
      given instanceof Uint8Array && given.length >= bytesMin && given.length <= keyBytesMax,
    { error: allowed },
  ).openapi({ type: "string", description, ...(bytesMin === 0 ? {} : { minLength: bytesMin }) });
  return { schema, takes: "bytes" };
}

/** A key in base64url. */
export function key64Option(description: string): Option<Uint8Array> {
  const schema = z.string().transform((given, context) => {
    const bytes = fromBase64url(given);
    if (bytes !== undefined && bytes.length >= 1 && bytes.length <= keyBytesMax) return bytes;
    context.addIssue(`allowed are 1 to ${keyBytesMax} bytes in base64url`);
    return z.NEVER;
  }).openapi({ type: "string", description, minLength: 1 });
  return text(schema);
}

/** Some of a few words, separated by commas. */
export function choicesOption<const C extends string>(
  description: string,
  choices: readonly C[],
): Option<readonly C[]> {
  const schema = z.string().transform((given, context): readonly C[] => {
    const words = given.split(",");
    const chosen = choices.filter((choice) => words.includes(choice));
    if (chosen.length === new Set(words).size) return chosen;
    context.addIssue(`allowed are ${choices.join(", ")}, separated by commas`);
    return z.NEVER;
  }).openapi({ type: "string", example: choices.join(","), description });
  return text(schema);
}

/** Entity tags, as query or as the header. */
export function tagsOption(
  description: string,
  more: { readonly kind: TagKind; readonly header: "If-Match" | "If-None-Match" },
): Option<Tags> {
  const read = (given: string): Tags | undefined => parseTags(given, more.kind);
  return tagOption(description, { ...more, read });
}

function tagOption<T>(description: string, more: {
  readonly kind: TagKind;
  readonly header: "If-Match" | "If-None-Match";
  readonly read: (given: string) => T | undefined;
}): Option<T> {
  const example = `"${more.kind}42"`;
  const schema = z.string().transform((given, context): T => {
    const tags = more.read(given);
    if (tags !== undefined) return tags;
    context.addIssue(`allowed are tags like ${example}, lists of them, and *`);
    return z.NEVER;
  }).openapi({ type: "string", example, description });
  return text(schema, header(more.header));
}

/** An option of a later version: refused by name, whether it comes as query or as header. */
export function laterOption(twin?: HeaderTwin): Option<never> {
  const option = text(z.never(), twin);
  return { ...option, later: true };
}

/** One preference of the Prefer header (RFC 7240), e.g. `wait=30`. */
export function preference(name: string): HeaderTwin {
  const pattern = new RegExp(`(?:^|[,;])\\s*${name}\\s*=\\s*"?([^,;"\\s]*)"?`, "i");
  return { header: "Prefer", read: (value) => pattern.exec(value)?.[1] };
}

/** The format that an Accept header asks for, where it names a media type that has one. */
export function acceptFormat(formats: Readonly<Record<string, string>>): HeaderTwin {
  return {
    header: "Accept",
    read(value) {
      // What every client accepts anyway needs no second look.
      if (value === "*/*") return undefined;
      for (const range of value.toLowerCase().split(",")) {
        const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
        if (!Object.hasOwn(formats, type)) continue;
        const format = formats[type];
        if (!parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) return format;
      }
      return undefined;
    },
  };
}

/** `wait=30` of the Prefer header is in seconds (RFC 7240 §4.3). */
const waitPreference: HeaderTwin = {
  header: "Prefer",
  read(value) {
    const given = preference("wait").read(value);
    return given !== undefined && /^[0-9]+$/.test(given) ? `${given}s` : given;
  },
};

const maxSafe = Number.MAX_SAFE_INTEGER;

export const timeout: Option<number> = durationOption(
  "Bounds the whole request; 5s when absent.",
  { minMs: 1, maxMs: 60_000, allowed: "1ms to 60s" },
);
export const clusterId: Option<string> = text(
  z.string().openapi({ description: "Refuse with 421 unless the cluster has this id." }),
  header("KV-Cluster-Id"),
);
export const redirect: Option<boolean> = flagOption(
  "Answer 307 to the leader's address instead of asking the leader.",
);
export const consistency: Option<ReadLevel> = choiceOption(
  "How fresh the answer must be; linearizable when absent. `lease` asks no other node while the " +
    "leader's lease holds, and where it is allowed; else it is linearizable.",
  ["linearizable", "lease", "eventual"],
);
export const minRevision: Option<number> = countOption(
  "Wait until this node has applied that revision.",
  { min: 0, max: maxSafe },
);
export const maxStaleness: Option<number> = durationOption(
  "Refuse with 503 too_stale when this node may be further behind the leader.",
  { minMs: 0, maxMs: maxSafe, allowed: "0ms or more" },
);
export const revision: Option<number> = countOption(
  "Read the store as it was at this revision; a future one is waited for.",
  { min: 1, max: maxSafe },
);
export const ifMatch: Option<Tags> = tagsOption(
  'Only if the key\'s tag is one of these; `*`: only if the key exists; `"0"` is the tag of an ' +
    "absent key.",
  { kind: "", header: "If-Match" },
);
export const ifNoneMatch: Option<Tags> = tagsOption(
  "Only if the key's tag is none of these; `*`: only if the key is absent.",
  { kind: "", header: "If-None-Match" },
);
export const ifNotHeld: Option<HeldTags> = tagOption(
  "304 if one of these is the tag of what would be sent: the value and its record form have " +
    "different ones; `*`: if the key exists.",
  { kind: "", header: "If-None-Match", read: (given) => parseHeldTags(given, "") },
);
export const prev: Option<boolean> = flagOption("The answer carries the record before this write.");
export const ttl: Option<number> = text(
  ttlSchema("The key lives so long: a lease of its own. Any later write without one ends that."),
);
export const lease: Option<string> = text(
  z.string().refine(isLeaseId, { error: leaseIdAllowed }).openapi({
    type: "string",
    example: "7587862094736125953",
    description: "The key goes when this lease ends. Without it the key hangs on none.",
  }),
);
export const idempotencyKey: Option<string> = text(
  z.string().regex(/^[\x20-\x7e]{1,255}$/, {
    error: "allowed are 1 to 255 printable characters of ASCII",
  }).openapi({
    type: "string",
    minLength: 1,
    maxLength: 255,
    example: "worker-7;42",
    description: "Repeating the request under the same key applies it once: the repetition gets " +
      "the first answer, with `Idempotency-Replayed: true`. Remembered for 10 minutes. Of keys " +
      "`NAME;1`, `NAME;2`, … the last 256 numbers of each NAME are remembered.",
  }),
  header("Idempotency-Key"),
);
const unsaidMediaTypes =
  /^(?:application\/x-www-form-urlencoded\b.*|application\/octet-stream[ \t]*)$/i;
export const contentType: Option<string> = {
  schema: mediaTypeOption,
  takes: "text",
  twin: {
    header: "Content-Type",
    // curl and urllib send the form type unasked, and generated clients the type that the document
    // has for bytes: neither says anything about the value.
    read: (value) => unsaidMediaTypes.test(value) ? undefined : value,
  },
};
export const returned: Option<"minimal" | "representation"> = choiceOption(
  "`representation`: the answer carries the new record.",
  ["minimal", "representation"],
  { twin: preference("return") },
);

/** How long a request waits for something to happen; on top of the time-out. */
export function waitOption(description: string): Option<number> {
  const range = { minMs: 0, maxMs: 60_000, allowed: "0ms to 60s" };
  return twinned(durationOption(description, range), waitPreference);
}

/** Every operation behind /v1 takes these. */
export const everywhereOptions = { timeout, cluster_id: clusterId };

/** Of reads of what is, not of what was. */
export const presentOptions = {
  ...everywhereOptions,
  consistency,
  min_revision: minRevision,
  max_staleness: maxStaleness,
  redirect,
  wait: laterOption(waitPreference),
};

export const readOptions = { ...presentOptions, revision };

/** Conditions that this operation does not know: as header, too, an error and never ignored. */
export const noConditions = {
  if_match: laterOption(header("If-Match")),
  if_none_match: laterOption(header("If-None-Match")),
};

/** `If-Match` is known, its opposite is not. */
export const ifNotNone = { if_none_match: noConditions.if_none_match };

/** Of what is known again by other means than a key. */
export const noIdempotencyKey = { idempotency_key: laterOption(header("Idempotency-Key")) };

/** Of every write of the store. */
export const storeOptions = { ...everywhereOptions, redirect, idempotency_key: idempotencyKey };

export const writeOptions = { ...storeOptions, prev };

const keysMax = 1000;

/** `key=a&key=b`: the one option that may be given more than once. */
export function keysOption(): Option<readonly Uint8Array[]> {
  const schema = z.custom<readonly Uint8Array[]>(
    (given) => Array.isArray(given) && given.length <= keysMax && given.every(isKey),
    { error: `allowed are up to ${keysMax} keys of 1 to ${keyBytesMax} bytes` },
  ).openapi({
    type: "array",
    items: { type: "string" },
    maxItems: keysMax,
    description:
      "Read these keys, in this order, from one view. All of them together have to fit " +
      "into a target of 32 KiB.",
  });
  return { schema, takes: "keys" };
}

/** `key64=YQ`: further values of `key`. */
export function keys64Option(): Option<readonly string[]> {
  const schema = z.array(z.string()).openapi({
    maxItems: keysMax,
    description: "Further keys in base64url; `key` and `key64` keep their common order.",
  });
  return { schema, takes: "keys64" };
}

function isKey(given: unknown): boolean {
  return given instanceof Uint8Array && given.length > 0 && given.length <= keyBytesMax;
}

/** Checked where its query is known (cursor.ts). */
export function cursorOption(): Option<string> {
  const description = "Where an earlier answer of the same query ended.";
  const error = `allowed are up to ${cursorLengthMax} letters`;
  return text(z.string().max(cursorLengthMax, { error }).openapi({ description }));
}
