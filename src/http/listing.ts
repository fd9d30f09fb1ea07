/** Lists: from options to range queries, pages, counts and multi-gets. */

import { base64url, compareBytes, concatBytes, hex, strictText } from "../lib/bytes.ts";
import {
  answerBytesMax,
  type KvRecord,
  type RangeQuery,
  type Revision,
} from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import { answer, emptyAnswer, jsonAnswer } from "./answer.ts";
import {
  type AskedRead,
  further,
  getFromStore,
  ofNewest,
  rangeFromStore,
  type RangeView,
} from "./ask.ts";
import type { Call } from "./call.ts";
import { type CursorPosition, decodeCursor, encodeCursor } from "./cursor.ts";
import { listTag, type Tags } from "./etag.ts";
import { JsonSteps, recordsAnswer } from "./json_steps.ts";
import { type Awaited, ChangeWait, refuseWithPast } from "./long_poll.ts";
import { contradiction } from "./options.ts";
import { linkToNext, pageLimitDefault } from "./paging.ts";
import { type KeyRange, rangeFlaw, rangeOf, type RangeOptions } from "./ranges.ts";
import { recordJson } from "./record_json.ts";

/** Keys counted in one go; between two the loop is free for others. */
const countSliceKeys = 10_000;
/** A page is read in slices, which end after the record with which keys and values pass this. */
const sliceBytesMax = 1024 * 1024;

/** All options of `GET /v1/kv`. */
export interface ListOptions extends AskedRead, RangeOptions {
  readonly wait?: number;
  readonly key?: readonly Uint8Array[];
  readonly limit?: number;
  readonly cursor?: string;
  readonly reverse?: boolean;
  readonly delimiter?: Uint8Array;
  readonly keys_only?: boolean;
  readonly count_only?: boolean;
  readonly if_match?: Tags;
  readonly if_none_match?: Tags;
}

/** The range that the options of a request name; throws where they contradict each other. */
export function askedRange(options: RangeOptions): KeyRange {
  const flaw = rangeFlaw(options);
  if (flaw !== undefined) throw contradiction(flaw.path, flaw.message);
  return rangeOf(options);
}

/**
 * One answer of `GET /v1/kv`: records by name, a count, or a page. With `wait` it comes when
 * something in the range has changed behind the tag, or the time is over.
 */
export function list(call: Call, options: ListOptions): Promise<Response> {
  call.extraHeaders["Vary"] = "Accept";
  refuseContradictions(options);
  const { wait, if_none_match: tags } = options;
  if (wait !== undefined && tags !== undefined) return pollList(call, options, { wait, tags });
  return listNow(call, options);
}

function listNow(call: Call, options: ListOptions): Promise<Response> {
  const isPinned = options.revision !== undefined || options.cursor !== undefined;
  return isPinned ? listOnce(call, options) : ofNewest(call, () => listOnce(call, options));
}

function listOnce(call: Call, options: ListOptions): Promise<Response> {
  if (options.key !== undefined) return multiGet(call, options.key, options);
  return options.count_only === true ? countRange(call, options) : listPage(call, options);
}

const notWithKeys = [
  "prefix",
  "start",
  "end",
  "limit",
  "cursor",
  "reverse",
  "delimiter",
  "keys_only",
  "count_only",
] as const;
const notWithCount = ["limit", "cursor", "delimiter"] as const;

/** Before anything is waited for: at the end of a wait nobody would be told. */
function refuseContradictions(options: ListOptions): void {
  const refuse = (words: readonly (keyof ListOptions)[], name: string): void => {
    const word = words.find((each) => options[each] !== undefined);
    if (word === undefined) return;
    throw contradiction(word, `${word} is given together with ${name}`);
  };
  if (options.key !== undefined) refuse(notWithKeys, "key or key64");
  if (options.count_only === true) refuse(notWithCount, "count_only");
  // It refuses the rest.
  queryOf(options);
}

async function pollList(
  call: Call,
  options: ListOptions,
  { wait, tags }: { readonly wait: number; readonly tags: Tags },
): Promise<Response> {
  refuseWithPast(options);
  if (options.cursor !== undefined) {
    throw contradiction("wait", "wait is given together with cursor");
  }
  if (options.if_match !== undefined) {
    const now = await listNow(call, options);
    if (now.status !== 304) return now;
  }
  const { if_none_match: _asked, ...unconditional } = options;
  const held = await tagsOfPast(call, options, tags);
  if (held.length === 0) return await listNow(call, unconditional);
  const behind = held === "any" ? {} : { after: Math.max(...held) };
  const changes = await ChangeWait.open(call, { ...awaitedOf(options), ...behind });
  if (changes === undefined) return await listNow(call, unconditional);
  try {
    if (await changes.within(wait)) return await listNow(call, unconditional);
    // Nothing has happened here; whether that is all there was, a look at the store confirms.
    const revision = await presentOf(call, options);
    if (await changes.upTo(revision)) return await listNow(call, unconditional);
    call.extraHeaders["ETag"] = listTag(revision);
    return emptyAnswer(call, 304);
  } finally {
    changes.close();
  }
}

/**
 * Those of the tags that may hold. One that is ahead of this node may be of a node that has seen
 * more. Where the cluster has not either, it is of another past, and nothing would ever follow it.
 */
async function tagsOfPast(call: Call, options: ListOptions, tags: Tags): Promise<Tags> {
  if (tags === "any") return tags;
  const { revision } = call.services.kv.header();
  if (tags.every((tag) => tag <= revision)) return tags;
  const present = await presentOf(call, options);
  return call.header?.level === "eventual" ? tags : tags.filter((tag) => tag <= present);
}

/** The revision of the store, looked at as the list would be. */
async function presentOf(call: Call, options: ListOptions): Promise<Revision> {
  const least = { ...queryOf({}), limit: 1, countOnly: true };
  return (await rangeFromStore(call, least, options)).revision;
}

/** What a list is made of. */
function awaitedOf(options: ListOptions): Awaited {
  const keys = options.key?.toSorted(compareBytes);
  if (keys === undefined) return { target: askedRange(options) };
  const names = new Set(keys.map(hex));
  const end = concatBytes([keys.at(-1)!, new Uint8Array(1)]);
  return {
    target: { kind: "range", start: keys[0]!, end },
    concerns: (event) => names.has(hex(event.kind === "put" ? event.record.key : event.key)),
  };
}

/** What the options of a page ask of the store. */
export function queryOf(options: ListOptions): RangeQuery {
  const { start, end } = askedRange(options);
  const delimiter = options.delimiter;
  if (delimiter?.length === 0) throw contradiction("delimiter", "delimiter is empty");
  return {
    kind: "range",
    start,
    ...(end === undefined ? {} : { end }),
    limit: options.limit ?? pageLimitDefault,
    bytesMax: sliceBytesMax,
    reverse: options.reverse ?? false,
    keysOnly: options.keys_only ?? false,
    countOnly: false,
    ...(delimiter === undefined
      ? {}
      : { delimiter: { bytes: delimiter, prefixLength: options.prefix?.length ?? 0 } }),
    ...(options.revision === undefined ? {} : { revision: options.revision }),
  };
}

/** The query of the page behind a cursor: the rest of the range, at the cursor's revision. */
function queryBehind(query: RangeQuery, { revision, next }: CursorPosition): RangeQuery {
  if (query.revision !== undefined && query.revision !== revision) {
    throw contradiction("revision", `revision is ${query.revision}, the cursor's is ${revision}`);
  }
  return query.reverse ? { ...query, revision, end: next } : { ...query, revision, start: next };
}

async function listPage(call: Call, options: ListOptions): Promise<Response> {
  const first = queryOf(options);
  const query = options.cursor === undefined
    ? first
    : queryBehind(first, decodeCursor(first, options.cursor));
  const isConditional = options.if_match !== undefined || options.if_none_match !== undefined;
  // Whoever asks whether something has changed may have no use for the values.
  const seen = await rangeFromStore(call, { ...query, countOnly: isConditional }, options);
  const { revision } = seen;
  if (notModified(call, options, { ...seen, pinned: query.revision !== undefined })) {
    return emptyAnswer(call, 304);
  }
  const start = isConditional ? await sliceBehind(call, { ...query, revision }) : seen;
  const page = await readPage(call, query, start);
  const cursor = page.next === undefined
    ? undefined
    : encodeCursor(first, { revision, next: page.next });
  linkToNext(call, cursor);
  const facts = JSON.stringify({
    ...(query.delimiter === undefined ? {} : prefixFields(page.prefixes)),
    count: page.count,
    revision,
    ...(cursor === undefined ? {} : { cursor }),
  });
  await page.json.raw(`],${facts.slice(1)}`);
  return answer(call, 200, { content: page.json.finish(), contentType: "application/json" });
}

interface Page {
  /** Open behind the last item. */
  readonly json: JsonSteps;
  readonly prefixes: readonly Uint8Array[];
  readonly count: number;
  readonly next: Uint8Array | undefined;
}

/**
 * The page that begins with the slice `start`, written while it is read: what is a few bytes in the
 * store may be many in JSON, and they are what the answer is limited by.
 */
async function readPage(call: Call, query: RangeQuery, start: RangeView): Promise<Page> {
  const json = new JsonSteps(() => call.services.clock.yield());
  const prefixes: Uint8Array[] = [];
  const { revision } = start;
  let slice = start;
  let count = 0;
  let separator = "";
  await json.raw('{"items":[');
  for (;;) {
    for (const record of slice.items) {
      await json.raw(separator);
      await json.value(recordJson(record, { withValue: !query.keysOnly }));
      separator = ",";
    }
    prefixes.push(...slice.prefixes);
    count += slice.count;
    const { next } = slice;
    const goesOn = next !== undefined && count < query.limit && isFull(slice) &&
      json.bytes <= answerBytesMax && !call.isLate();
    if (!goesOn) return { json, prefixes, count, next };
    const rest = queryBehind(query, { revision, next });
    slice = await sliceBehind(call, { ...rest, limit: query.limit - count });
  }
}

/** It has ended because of its bytes, not because the store had looked at too many keys. */
function isFull({ items, prefixes }: RangeView): boolean {
  let bytes = 0;
  for (const prefix of prefixes) bytes += prefix.length;
  for (const { key, value } of items) bytes += key.length + value.length;
  return bytes > sliceBytesMax;
}

async function sliceBehind(call: Call, query: RangeQuery): Promise<RangeView> {
  return await further(call, (asked) => rangeFromStore(call, query, asked));
}

function prefixFields(prefixes: readonly Uint8Array[]): {
  readonly prefixes: readonly string[];
  readonly prefixes64?: readonly string[];
} {
  const texts: string[] = [];
  const binary: string[] = [];
  for (const prefix of prefixes) {
    const text = strictText(prefix);
    if (text === undefined) binary.push(base64url(prefix));
    else texts.push(text);
  }
  return binary.length === 0 ? { prefixes: texts } : { prefixes: texts, prefixes64: binary };
}

async function countRange(call: Call, options: ListOptions): Promise<Response> {
  const query = { ...queryOf(options), limit: countSliceKeys, countOnly: true, reverse: false };
  let slice = await rangeFromStore(call, query, options);
  if (notModified(call, options, { ...slice, pinned: query.revision !== undefined })) {
    return emptyAnswer(call, 304);
  }
  const { revision } = slice;
  let count = slice.count;
  while (slice.next !== undefined) {
    await call.services.clock.yield();
    if (call.isLate()) throw countTimeout(call);
    const rest = { ...query, revision, start: slice.next };
    slice = await further(call, (asked) => rangeFromStore(call, rest, asked));
    count += slice.count;
  }
  return jsonAnswer(call, 200, { items: [], count, revision });
}

function countTimeout(call: Call): ServiceError {
  return new ServiceError("timeout", `The range was not counted within ${call.timeoutMs} ms`, {
    retryable: true,
  });
}

async function multiGet(
  call: Call,
  keys: readonly Uint8Array[],
  options: ListOptions,
): Promise<Response> {
  const pinned = options.revision === undefined ? {} : { revision: options.revision };
  const query = { kind: "get", keys, bytesMax: answerBytesMax, ...pinned } as const;
  const { revision, records } = await getFromStore(call, query, options);
  const seen = { revision, ...changedOf(records) };
  if (notModified(call, options, { ...seen, pinned: options.revision !== undefined })) {
    return emptyAnswer(call, 304);
  }
  const items = records.map((record) => record === undefined ? null : recordJson(record));
  const count = items.filter((item) => item !== null).length;
  return await recordsAnswer(call, 200, { items, count, revision });
}

/** When each key is there, none changed after the newest of them; an absent one may just have. */
function changedOf(
  records: readonly (KvRecord | undefined)[],
): { readonly changed?: Revision } {
  let changed = 0;
  for (const record of records) {
    if (record === undefined) return {};
    changed = Math.max(changed, record.mod);
  }
  return { changed };
}

interface Seen {
  readonly revision: Revision;
  /** The newest change in the range; unknown when absent. */
  readonly changed?: Revision;
  /** The client asked for a view of the past by its revision. */
  readonly pinned: boolean;
}

/** Sets the list's tag and judges the conditions by it; true when 304 is the answer. */
function notModified(call: Call, options: ListOptions, seen: Seen): boolean {
  call.extraHeaders["ETag"] = listTag(seen.revision);
  // Only a node that may be behind can meet a client that has truly seen more than it shows.
  const mayBeBehind = !seen.pinned && call.header?.level === "eventual";
  const holds = (tags: Tags): boolean => listMatches(tags, { ...seen, mayBeBehind });
  if (options.if_match !== undefined && !holds(options.if_match)) {
    throw new ServiceError(
      "precondition_failed",
      `The range has changed at revision ${seen.changed ?? seen.revision}, If-Match wanted ` +
        (options.if_match === "any" ? "*" : options.if_match.map((tag) => `r${tag}`).join(" or ")),
    );
  }
  return options.if_none_match !== undefined && holds(options.if_none_match);
}

/**
 * A list read at revision r is unchanged while nothing in its range changed behind r. A client that
 * has seen more than an eventual read shows keeps what it has. Elsewhere a later tag says nothing:
 * beside a view of the past, and at level linearizable, where no such revision has been.
 */
function listMatches(
  tags: Tags,
  { revision, changed, mayBeBehind }: Seen & { readonly mayBeBehind: boolean },
): boolean {
  if (tags === "any") return true;
  return tags.some((tag) => tag >= (changed ?? revision) && (tag <= revision || mayBeBehind));
}
