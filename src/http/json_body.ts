/**
 * Bodies of JSON: one helper reads and checks them all. The media type picks the schema; what is
 * wrong is told by its place in the body, with the value and what is allowed.
 */

import { z } from "@hono/zod-openapi";
import { strictText } from "../lib/bytes.ts";
import { type Issue, ServiceError } from "../service/errors.ts";
import { readBody } from "./body.ts";
import type { Call } from "./call.ts";
import { jsonFlaw, jsonPartsMax, type PartsLeft } from "./json_flaws.ts";
import { pathText, shown, valueAt } from "./json_path.ts";
import { essence, ndjsonMediaType } from "./media_type.ts";
import { validationFailed } from "./options.ts";
import { listed, nearestWord } from "./vocabulary.ts";

/** Schemas by media type; the first is named to who sends another one. */
export type BodySchemas<T> = Readonly<Record<string, z.ZodType<T>>>;

/** The checked body, or undefined when there is none. */
export async function readJson<T>(call: Call, schemas: BodySchemas<T>): Promise<T | undefined> {
  const bytesMax = call.services.limits.requestBytesMax;
  const body = await readBody(call, { bytesMax, code: "request_too_large" });
  if (body.length === 0) return undefined;
  const mediaType = takeMediaType(call, Object.keys(schemas));
  const text = strictText(body);
  if (text === undefined) throw new ServiceError("bad_request", "The body is not valid UTF-8");
  const json = mediaType === ndjsonMediaType
    ? parseLines(text)
    : parseJson(text, { what: "The body" });
  return checked(json, schemas[mediaType]!);
}

/** As {@link readJson}, where nothing is not enough. */
export async function requireJson<T>(call: Call, schemas: BodySchemas<T>): Promise<T> {
  const body = await readJson(call, schemas);
  if (body !== undefined) return body;
  const types = Object.keys(schemas).join(" or ");
  throw new ServiceError("bad_request", `The body is missing, send ${types}`);
}

/** Which of `allowed` the body is; 415 where it is none of them. */
export function takeMediaType(call: Call, allowed: readonly string[]): string {
  const contentType = call.request.headers.get("Content-Type");
  const mediaType = contentType === null ? "" : essence(contentType);
  call.mediaType = mediaType;
  if (allowed.includes(mediaType)) return mediaType;
  // RFC 5789 §2.2.
  if (call.request.method === "PATCH") call.extraHeaders["Accept-Patch"] = allowed.join(", ");
  throw new ServiceError(
    "unsupported_media_type",
    `Content-Type is ${contentType === null ? "absent" : shown(contentType)}, ` +
      `send ${allowed.join(" or ")}`,
  );
}

/** One document a line; a line of white space alone is none. */
function parseLines(text: string): readonly unknown[] {
  const documents: unknown[] = [];
  const left = { count: jsonPartsMax };
  for (let at = 1, start = 0; start < text.length; at++) {
    const end = text.indexOf("\n", start);
    const line = text.slice(start, end < 0 ? text.length : end);
    start += line.length + 1;
    if (line.trim() === "") continue;
    left.count -= 1;
    documents.push(parseJson(line, { what: `Line ${at}`, root: [documents.length], left }));
  }
  return documents;
}

function parseJson(text: string, { what, root, left }: {
  readonly what: string;
  readonly root?: readonly number[];
  readonly left?: PartsLeft;
}): unknown {
  const flaw = jsonFlaw(text, root, left);
  if (flaw !== undefined) throw validationFailed([flaw]);
  try {
    return JSON.parse(text);
  } catch {
    throw new ServiceError("bad_request", `${what} is not valid JSON`);
  }
}

function checked<T>(json: unknown, schema: z.ZodType<T>): T {
  const parsed = schema.safeParse(json, { error: allowedOf });
  if (parsed.success) return parsed.data;
  throw validationFailed(parsed.error.issues.flatMap((issue) => issuesOf(issue, json, schema)));
}

const kinds: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "an integer",
  boolean: "true or false",
  array: "an array",
  object: "an object",
};

/** What is allowed where the schema itself does not say. */
function allowedOf(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === "invalid_type") return `allowed is ${kinds[issue.expected] ?? issue.expected}`;
  if (issue.code === "invalid_value") return `allowed are ${listed(issue.values.map(String))}`;
  return undefined;
}

function issuesOf(issue: z.core.$ZodIssue, json: unknown, schema: z.ZodType): readonly Issue[] {
  if (issue.code === "unrecognized_keys") {
    const members = membersAt(schema, issue.path);
    return issue.keys.map((key) => unknownMember(issue.path, key, members));
  }
  const path = pathText(issue.path);
  const value = valueAt(json, issue.path);
  const is = value === undefined
    ? "is missing"
    : Array.isArray(value) && (issue.code === "too_big" || issue.code === "too_small")
    ? `has ${value.length} items`
    : `is ${shown(value)}`;
  return [{ path, message: `${path === "" ? "The body" : path} ${is}, ${issue.message}` }];
}

function unknownMember(
  within: readonly PropertyKey[],
  key: string,
  members: readonly string[],
): Issue {
  const near = nearestWord(key, members);
  const hint = near === undefined ? `it has ${listed(members)}` : `did you mean ${near}?`;
  const place = within.length === 0 ? "this body" : pathText(within);
  return {
    path: pathText([...within, key]),
    message: `${shown(key)} is not a member of ${place}; ${hint}`,
  };
}

/** The members of the object that stands at `path` of what `schema` checks. */
function membersAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  let at: z.core.$ZodType | undefined = plain(schema);
  for (const step of path) {
    if (at instanceof z.ZodArray) at = plain(at.element);
    else at = at instanceof z.ZodObject ? plain(at.shape[String(step)]) : undefined;
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

/** What is behind the wrappers. */
function plain(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodLazy) return plain(schema.unwrap());
  return schema;
}
