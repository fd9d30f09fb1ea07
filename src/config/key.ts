/**
 * How a configuration key is declared: its type with its limits as a zod schema, its default, and
 * one sentence. Everything else about keys (messages, environment variables, the reference page) is
 * derived from these declarations.
 */

import { z } from "zod";
import { formatHostPort, type HostPort, parseHostPort } from "../lib/host_port.ts";

/** How a value is written where everything is text: in an environment variable or a flag. */
export type KeyKind = "integer" | "boolean" | "text" | "json" | "nodeId" | "urls";

/** What is known of a key besides its schema. */
export interface KeyFacts {
  readonly kind: KeyKind;
  /** What is allowed, as it stands behind "allowed is". */
  readonly allowed: string;
  /** One sentence. */
  readonly description: string;
  /** As a user would write it; undefined where the key is optional. */
  readonly defaultValue: unknown;
}

/** The facts of every schema that a function of this file has made. */
export const keyFacts = z.registry<KeyFacts>();

export const nodeIdMax = 2 ** 32 - 1;

/** A key that takes an integer. */
export function integer(
  range: { readonly default: number; readonly min: number; readonly max: number },
  description: string,
): z.ZodPrefault<z.ZodType<number, number>> {
  const allowed = `an integer from ${range.min} to ${range.max}`;
  return declared(
    z.int({ error: allowed }).min(range.min, { error: allowed }).max(range.max, { error: allowed }),
    { kind: "integer", allowed, description, defaultValue: range.default },
  );
}

/** A key that is true or false, and false unless set. */
export function flag(description: string): z.ZodPrefault<z.ZodType<boolean, boolean>> {
  return yesOrNo(false, description);
}

/** A key that is true or false, and true unless set. */
export function flagOn(description: string): z.ZodPrefault<z.ZodType<boolean, boolean>> {
  return yesOrNo(true, description);
}

function yesOrNo(
  defaultValue: boolean,
  description: string,
): z.ZodPrefault<z.ZodType<boolean, boolean>> {
  const allowed = "true or false";
  const facts = { kind: "boolean", allowed, description, defaultValue } as const;
  return declared(z.boolean({ error: allowed }), facts);
}

/** A key that takes one of a few words. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  defaultValue: NoInfer<Word>,
  description: string,
): z.ZodPrefault<z.ZodType<Word, Word>> {
  const allowed = `one of ${words.join(", ")}`;
  return declared<Word, Word>(z.enum(words, { error: allowed }), {
    kind: "text",
    allowed,
    description,
    defaultValue,
  });
}

/** A key that takes text of a certain form. */
export function text(
  rule: { readonly default: string; readonly pattern: RegExp; readonly allowed: string },
  description: string,
): z.ZodPrefault<z.ZodType<string, string>> {
  const { allowed } = rule;
  return declared(z.string({ error: allowed }).regex(rule.pattern, { error: allowed }), {
    kind: "text",
    allowed,
    description,
    defaultValue: rule.default,
  });
}

/** A key that takes a list, empty unless set. */
export function list<Item extends z.ZodType>(
  item: Item,
  allowed: string,
  description: string,
): z.ZodPrefault<z.ZodType<z.output<Item>[], z.input<Item>[]>> {
  return declared<z.output<Item>[], z.input<Item>[]>(
    z.array(item, { error: allowed }).max(100, { error: allowed }),
    { kind: "json", allowed, description, defaultValue: [] },
  );
}

/** A key that takes URLs of nodes, none unless set; as text they stand beside commas. */
export function urls(description: string): z.ZodPrefault<z.ZodType<string[], string[]>> {
  const one = "http://host:port";
  const allowed = `a list of at most 100 URLs, each ${one}`;
  const url: z.ZodType<string, string> = z.string({ error: one }).transform((value, context) => {
    const origin = originOf(value);
    if (origin !== undefined) return origin;
    context.addIssue({ code: "custom", message: one });
    return z.NEVER;
  });
  return declared<string[], string[]>(
    z.array(url, { error: allowed }).max(100, { error: allowed }),
    { kind: "urls", allowed, description, defaultValue: [] },
  );
}

/** Undefined where `text` is no URL of a node: what it serves begins at its root. */
function originOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, origin, username, password, pathname, search, hash } = new URL(text);
  const isPlain = username + password + search + hash === "" && pathname === "/";
  return protocol === "http:" && isPlain ? origin : undefined;
}

/** The one key that is a number or a word. */
export function nodeIdOrHostname(
  description: string,
): z.ZodPrefault<z.ZodType<number | "hostname", number | "hostname">> {
  const allowed = `an integer from 1 to ${nodeIdMax}, or hostname`;
  const id = z.int({ error: allowed }).min(1, { error: allowed }).max(nodeIdMax, {
    error: allowed,
  });
  return declared<number | "hostname", number | "hostname">(
    z.union([id, z.literal("hostname", { error: allowed })], { error: allowed }),
    { kind: "nodeId", allowed, description, defaultValue: 1 },
  );
}

/** Where to listen. */
export function listenAddress(
  defaultValue: string,
  description: string,
): z.ZodPrefault<z.ZodType<HostPort, string>> {
  return declared<HostPort, string>(listenAddressSchema(), {
    kind: "text",
    allowed: listenAllowed,
    description,
    defaultValue,
  });
}

/** Where else to listen, if anywhere. */
export function optionalListenAddress(
  description: string,
): z.ZodOptional<z.ZodType<HostPort, string>> {
  const schema: z.ZodType<HostPort, string> = listenAddressSchema();
  return schema.optional().register(keyFacts, {
    kind: "text",
    allowed: listenAllowed,
    description,
    defaultValue: undefined,
  });
}

/** Where others reach this node, in canonical form. */
export function optionalAdvertisedAddress(
  description: string,
): z.ZodOptional<z.ZodType<string, string>> {
  const schema: z.ZodType<string, string> = advertisedAddress();
  return schema.optional().register(keyFacts, {
    kind: "text",
    allowed: advertisedAllowed,
    description,
    defaultValue: undefined,
  });
}

const listenAllowed = "host:port, an IPv6 host in brackets";
const advertisedAllowed = `${listenAllowed}, the port not 0`;

function listenAddressSchema(): z.ZodType<HostPort, string> {
  return z.string({ error: listenAllowed }).transform((value, context) => {
    const address = parseHostPort(value);
    if (address !== undefined) return address;
    context.addIssue({ code: "custom", message: listenAllowed });
    return z.NEVER;
  });
}

/** An address to connect to, as canonical text. */
export function advertisedAddress(): z.ZodType<string, string> {
  return z.string({ error: advertisedAllowed }).transform((value, context) => {
    const address = parseHostPort(value);
    if (address !== undefined && address.port !== 0) return formatHostPort(address);
    context.addIssue({ code: "custom", message: advertisedAllowed });
    return z.NEVER;
  });
}

function declared<Output, Input>(
  schema: z.ZodType<Output, Input>,
  facts: KeyFacts & { readonly defaultValue: Input },
): z.ZodPrefault<z.ZodType<Output, Input>> {
  return z.prefault(schema, facts.defaultValue).register(keyFacts, facts);
}
