/**
 * Options of a request: query parameters, some of which have a header twin. Each option is one zod
 * schema, from which both the check of a request and the OpenAPI document follow. An option that is
 * unknown, given twice, malformed, or told differently by header and query is an error.
 */

import { z } from "@hono/zod-openapi";
import { equalBytes, fromBase64url, lossyText, strictText } from "../lib/bytes.ts";
import { keyBytesMax } from "../service/contract.ts";
import { type Issue, ServiceError } from "../service/errors.ts";
import {
  decodeQueryText,
  lostBytesDetail,
  mayHaveLostBytes,
  type QueryPair,
  queryPairs,
} from "./target.ts";
import { listed, nearestWord } from "./vocabulary.ts";

/** The header that says the same as the query parameter. */
export interface HeaderTwin {
  readonly header: string;
  /** What the header says, as the query parameter would; undefined: nothing about it. */
  readonly read: (value: string) => string | undefined;
  /** What it says counts, whatever the query says: elsewhere the two must not differ. */
  readonly wins?: true;
}

/** One option of an operation. */
export interface Option<T> {
  /** From what the request gives (text, bytes, a list of bytes) to the value that handlers see. */
  readonly schema: z.ZodType<T>;
  /**
   * `text` is decoded strictly as UTF-8; `bytes` is any bytes; `keys` may be given more than once;
   * `keys64` are further values of the option `key`, in base64url, in the order of the query.
   */
  readonly takes: "text" | "bytes" | "keys" | "keys64";
  readonly twin?: HeaderTwin;
  /**
   * The option belongs to a later version. It is refused by name, because ignoring it would change
   * what the request means; the document does not mention it.
   */
  readonly later?: true;
}

export type OptionSet = Readonly<Record<string, Option<unknown>>>;

export type Values<O extends OptionSet> = {
  readonly [K in keyof O]?: O[K] extends Option<infer T> ? T : never;
};

/** An option set made ready for requests. */
export interface OptionReader<O extends OptionSet> {
  read(request: Request, query: string): Values<O>;
}

/** Reads the options of requests; throws `validation_failed` with everything that is wrong. */
export function optionReader<const O extends OptionSet>(options: O): OptionReader<O> {
  const byName = new Map(Object.entries(options));
  const twins = [...byName].flatMap(([name, option]) =>
    option.twin === undefined ? [] : [{ name, option, twin: option.twin }]
  );
  const none = {} as Values<O>;
  // Most requests repeat one of a few short queries, e.g. `consistency=eventual`.
  const remembered = new Map<string, Values<O>>();
  return {
    read(request, query) {
      const said = saidByHeaders(twins, request.headers);
      if (said.length === 0) {
        if (query === "") return none;
        const known = remembered.get(query);
        if (known !== undefined) return known;
      }
      const collected = collectQuery(byName, queryPairs(query));
      for (const twin of said) collectTwin(collected, twin);
      if (collected.issues.length > 0) throw validationFailed(collected.issues);
      // The schemas have made these values; the mapped type cannot follow them through the map.
      const values = Object.fromEntries(collected.values) as Values<O>;
      if (said.length === 0 && query.length <= rememberedLengthMax) {
        if (remembered.size >= rememberedMax) remembered.clear();
        remembered.set(query, values);
      }
      return values;
    },
  };
}

const rememberedMax = 256;
const rememberedLengthMax = 64;

interface Twinned {
  readonly name: string;
  readonly option: Option<unknown>;
  readonly twin: HeaderTwin;
}

/** What a header says of an option. */
interface Said extends Twinned {
  /** In the words of the query. */
  readonly said: string;
  /** In its own words. */
  readonly sent: string;
}

const nothingSaid: readonly Said[] = [];

function saidByHeaders(twins: readonly Twinned[], headers: Headers): readonly Said[] {
  let found: Said[] | undefined;
  for (const twinned of twins) {
    const value = headers.get(twinned.twin.header);
    if (value === null) continue;
    const said = twinned.twin.read(value);
    if (said !== undefined) (found ??= []).push({ ...twinned, said, sent: value });
  }
  return found ?? nothingSaid;
}

class Collected {
  readonly values = new Map<string, unknown>();
  readonly issues: Issue[] = [];

  issue(path: string, message: string): void {
    this.issues.push({ path, message });
  }
}

type ByName = ReadonlyMap<string, Option<unknown>>;

function collectQuery(options: ByName, pairs: readonly QueryPair[]): Collected {
  const collected = new Collected();
  const given = new Map<string, Uint8Array[]>();
  for (const { name, value } of pairs) {
    if (!options.has(name)) {
      collected.issue(name, unknownOption(name, options));
      continue;
    }
    if (mayHaveLostBytes(value)) {
      collected.issue(name, `${name} ${lostBytesDetail}`);
      continue;
    }
    const bytes = decodeQueryText(value);
    if (bytes === undefined) {
      const flaw = "which has a % that is not followed by two hexadecimal digits";
      collected.issue(name, `${name} is ${shown(value)}, ${flaw}`);
      continue;
    }
    if (options.get(name)?.takes === "keys64") {
      const key = fromBase64url(lossyText(bytes));
      if (key !== undefined && key.length > 0) push(given, "key", key);
      else collected.issue(name, `${name} is ${shown(bytes)}, allowed is a key in base64url`);
    } else {
      push(given, name, bytes);
    }
  }
  for (const [name, values] of given) {
    const option = options.get(name);
    if (option !== undefined) collectGiven(collected, { name, option, values });
  }
  return collected;
}

function push(given: Map<string, Uint8Array[]>, name: string, bytes: Uint8Array): void {
  const before = given.get(name);
  if (before === undefined) given.set(name, [bytes]);
  else before.push(bytes);
}

function collectGiven(collected: Collected, { name, option, values }: {
  readonly name: string;
  readonly option: Option<unknown>;
  readonly values: readonly Uint8Array[];
}): void {
  const first = values[0]!;
  if (option.later) return collected.issue(name, `${name} is not available in this version`);
  if (option.takes === "keys") {
    const wrong = values.find(({ length }) => length === 0 || length > keyBytesMax);
    const is = wrong === undefined
      ? `${name} is given ${values.length} times`
      : `${name} has ${wrong.length} bytes`;
    return check(collected, { name, option, given: values, is });
  }
  if (values.length > 1) {
    return collected.issue(name, `${name} is given ${values.length} times, allowed is once`);
  }
  if (option.takes === "bytes") return check(collected, { name, option, given: first });
  const text = strictText(first);
  if (text === undefined) {
    return collected.issue(name, `${name} is ${shown(first)}, which is not valid UTF-8`);
  }
  check(collected, { name, option, given: text });
}

function collectTwin(collected: Collected, { name, option, twin, said, sent }: Said): void {
  const is = `${twin.header} is ${shown(sent)}`;
  if (option.later) {
    // One of several things that the header may say, or the header as such.
    const what = said === sent ? twin.header : `${is}, which`;
    return collected.issue(name, `${what} is not available in this version`);
  }
  const counts = twin.wins === true || !collected.values.has(name);
  if (counts) return check(collected, { name, option, given: said, is });
  const parsed = option.schema.safeParse(said);
  if (parsed.success && sameValue(parsed.data, collected.values.get(name))) return;
  collected.issue(name, `${is}, which contradicts the query's ${name}`);
}

/** `is` says what was given, where that is not the value of the query's option. */
function check(collected: Collected, { name, option, given, is }: {
  readonly name: string;
  readonly option: Option<unknown>;
  readonly given: unknown;
  readonly is?: string;
}): void {
  const parsed = option.schema.safeParse(given);
  if (parsed.success) {
    collected.values.set(name, parsed.data);
    return;
  }
  const allowed = parsed.error.issues.map((issue) => issue.message).join("; ");
  collected.issue(name, `${is ?? `${name} is ${shown(given)}`}, ${allowed}`);
}

function sameValue(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return equalBytes(a, b);
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A value as a message quotes it: in full when it is short. */
function shown(value: unknown): string {
  const text = value instanceof Uint8Array ? lossyText(value) : String(value);
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

function unknownOption(name: string, options: ByName): string {
  const allowed = [...options].filter(([, option]) => !option.later).map(([word]) => word);
  const near = nearestWord(name, [...options.keys()]);
  const what = `${shown(name)} is not an option of this request`;
  if (near !== undefined) return `${what}; did you mean ${near}?`;
  return allowed.length === 0 ? `${what}; it takes none` : `${what}; it takes ${listed(allowed)}`;
}

/** The refusal that tells all of `issues`. */
export function validationFailed(issues: readonly Issue[]): ServiceError {
  const detail = issues.length === 1
    ? issues[0]!.message
    : `${issues.length} things are wrong: ${issues.map((issue) => issue.message).join(" · ")}`;
  return new ServiceError("validation_failed", cut(detail), {
    issues: issues.slice(0, issuesMax).map(({ path, message }) => ({
      path: cut(path),
      message: cut(message),
    })),
  });
}

/** A name that was sent may be as long as the body. */
function cut(text: string): string {
  return text.slice(0, textLengthMax);
}

const textLengthMax = 2000;
const issuesMax = 50;

/** Two options of which each alone is right. */
export function contradiction(path: string, message: string): ServiceError {
  return validationFailed([{ path, message }]);
}
