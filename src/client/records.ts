/** The JSON of the REST interface as values of this client. */

import { fromBase64url, lossyText, strictText, utf8 } from "../lib/bytes.ts";

/** One version of one key. */
export interface KeyRecord {
  readonly key: Uint8Array;
  /** Empty where only keys were asked for. */
  readonly value: Uint8Array;
  /** The revision that created the key. */
  readonly create: number;
  /** The revision that wrote this version: what `ifMatch` takes. */
  readonly mod: number;
  readonly version: number;
  readonly contentType: string;
  readonly lease?: string;
}

/** The endpoint answered something that this client does not understand. */
export class MalformedAnswerError extends Error {
  override readonly name = "MalformedAnswerError";
}

/** Throws a {@link MalformedAnswerError} unless it is an object. */
export function parseJson(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(strictText(body) ?? "");
    if (typeof parsed === "object" && parsed !== null) return { ...parsed };
  } catch {
    // Told below, together with everything else that is no object.
  }
  throw new MalformedAnswerError(`The answer is no JSON object: ${lossyText(body).slice(0, 80)}`);
}

/** Throws a {@link MalformedAnswerError} unless it is an object. */
export function objectOf(json: unknown): Readonly<Record<string, unknown>> {
  if (typeof json === "object" && json !== null) return { ...json };
  throw new MalformedAnswerError(`The answer holds ${JSON.stringify(json)} instead of an object`);
}

/** Undefined for null, and for what is left out. */
export function recordOrNone(json: unknown): KeyRecord | undefined {
  return json === null || json === undefined ? undefined : recordOf(json);
}

/** The record before a write, where the answer carries one. */
export function prevOf(
  members: Readonly<Record<string, unknown>>,
): { readonly prev?: KeyRecord } {
  const prev = recordOrNone(members["prev"]);
  return prev === undefined ? {} : { prev };
}

/** One record of the REST interface. */
export function recordOf(json: unknown): KeyRecord {
  const members = objectOf(json);
  const lease = members["lease"];
  return {
    key: bytesMember(members, "key"),
    value: bytesMember(members, "value"),
    create: numberMember(members, "create"),
    mod: numberMember(members, "mod"),
    version: numberMember(members, "version"),
    contentType: String(members["content_type"] ?? "application/octet-stream"),
    ...(typeof lease === "string" ? { lease } : {}),
  };
}

/** A member that must be an integer. */
export function numberMember(members: Readonly<Record<string, unknown>>, name: string): number {
  const value = members[name];
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw new MalformedAnswerError(`The answer's ${name} is ${JSON.stringify(value)}, no integer`);
}

/** A member that must be true or false. */
export function booleanMember(members: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = members[name];
  if (typeof value === "boolean") return value;
  throw new MalformedAnswerError(`The answer's ${name} is ${JSON.stringify(value)}, no boolean`);
}

/** A member that must be text. */
export function textMember(members: Readonly<Record<string, unknown>>, name: string): string {
  const value = members[name];
  if (typeof value === "string") return value;
  throw new MalformedAnswerError(`The answer's ${name} is ${JSON.stringify(value)}, no text`);
}

/** A member that is text, or left out. */
export function optionalText(
  members: Readonly<Record<string, unknown>>,
  name: string,
): string | undefined {
  return members[name] === undefined ? undefined : textMember(members, name);
}

/** A member that must be a list; empty where it is left out. */
export function listMember(
  members: Readonly<Record<string, unknown>>,
  name: string,
): readonly unknown[] {
  const value = members[name] ?? [];
  if (Array.isArray(value)) return value;
  throw new MalformedAnswerError(`The answer's ${name} is ${JSON.stringify(value)}, no list`);
}

/** Text under its name, or base64url under the name with 64; empty where there is neither. */
export function bytesMember(members: Readonly<Record<string, unknown>>, name: string): Uint8Array {
  const text = members[name];
  if (typeof text === "string") return utf8(text);
  const coded = members[`${name}64`];
  const bytes = typeof coded === "string" ? fromBase64url(coded) : new Uint8Array(0);
  if (bytes !== undefined) return bytes;
  throw new MalformedAnswerError(`The answer's ${name}64 is no base64url`);
}
