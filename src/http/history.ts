/** What a key was, revision by revision. */

import { ByteWriter } from "../lib/bytes.ts";
import { answerBytesMax, type Query, type Revision } from "../service/contract.ts";
import { answer } from "./answer.ts";
import { type AskedRead, further, ofNewest, readAs, type ViewOf } from "./ask.ts";
import type { Call } from "./call.ts";
import { openCursor, sealCursor } from "./cursor_seal.ts";
import { JsonSteps } from "./json_steps.ts";
import { contradiction } from "./options.ts";
import { linkToNext, pageLimitDefault } from "./paging.ts";
import { keyFields, recordJson } from "./record_json.ts";
import { keyOfPath } from "./target.ts";
import { timeText } from "./times.ts";

/** A page is read in slices, which end after the item with which keys and values pass this. */
const sliceBytesMax = 1024 * 1024;

type HistoryQuery = Extract<Query, { readonly kind: "history" }>;
type Slice = ViewOf<"history">;
type Item = Slice["items"][number];

/** The options of `GET /v1/history/{key}`. */
export interface HistoryOptions extends AskedRead {
  readonly limit?: number;
  readonly cursor?: string;
}

/** Where a page begins: before a revision, as seen at another. */
interface Position {
  readonly revision: Revision;
  readonly before: Revision;
}

/** One page of the versions and deletions of a key, the newest first. */
export async function getHistory(call: Call, options: HistoryOptions): Promise<Response> {
  const key = keyOfPath(call.path);
  const query = queryOf(key, options);
  const read = async () => {
    const first = await readAs("history", call, query, options);
    return { first, page: await readPage(call, query, first) };
  };
  const { first, page } = await (query.revision === undefined ? ofNewest(call, read) : read());
  const { revision } = first;
  const cursor = page.before === undefined
    ? undefined
    : encodePosition(key, { revision, before: page.before });
  linkToNext(call, cursor);
  const facts = { revision, ...(cursor === undefined ? {} : { cursor }) };
  await page.json.raw(`],${JSON.stringify(facts).slice(1)}`);
  return answer(call, 200, { content: page.json.finish(), contentType: "application/json" });
}

function queryOf(key: Uint8Array, options: HistoryOptions): HistoryQuery {
  const { revision, cursor, limit = pageLimitDefault } = options;
  const query = { kind: "history", key, limit, bytesMax: sliceBytesMax } as const;
  if (cursor === undefined) return revision === undefined ? query : { ...query, revision };
  const position = decodePosition(key, cursor);
  if (revision !== undefined && revision !== position.revision) {
    const message = `revision is ${revision}, the cursor's is ${position.revision}`;
    throw contradiction("revision", message);
  }
  return { ...query, ...position };
}

interface Page {
  /** Open behind the last item. */
  readonly json: JsonSteps;
  /** Where the next page goes on. */
  readonly before: Revision | undefined;
}

/** Written while it is read: what is a few bytes in the store may be many in JSON. */
async function readPage(call: Call, query: HistoryQuery, first: Slice): Promise<Page> {
  const json = new JsonSteps(() => call.services.clock.yield());
  const { revision } = first;
  let slice = first;
  let left = query.limit;
  let separator = "";
  await json.raw('{"items":[');
  for (;;) {
    for (const item of slice.items) {
      await json.raw(separator);
      await json.value(itemJson(query.key, item));
      separator = ",";
    }
    left -= slice.items.length;
    const before = slice.next;
    const goesOn = before !== undefined && left > 0 && json.bytes <= answerBytesMax &&
      !call.isLate();
    if (!goesOn) return { json, before };
    const rest = { ...query, revision, before, limit: left };
    slice = await further(call, (asked) => readAs("history", call, rest, asked));
  }
}

function itemJson(key: Uint8Array, item: Item): Readonly<Record<string, unknown>> {
  const time = timeText(item.times.wallMs);
  return item.kind === "deleted"
    ? { ...keyFields(key), mod: item.mod, deleted: true, time }
    : { ...recordJson(item.record), time };
}

function encodePosition(key: Uint8Array, { revision, before }: Position): string {
  const body = new ByteWriter().varint(revision).varint(before).finish();
  return sealCursor(boundTo(key), body);
}

function decodePosition(key: Uint8Array, text: string): Position {
  return openCursor(boundTo(key), text, (body) => {
    const position = { revision: body.varint(), before: body.varint() };
    body.end();
    return position;
  });
}

function boundTo(key: Uint8Array): Uint8Array {
  return new ByteWriter().text("history").bytes(key).finish();
}
