/** Many keys at once: `/v1/kv`. */

import { list } from "../src/http/listing.ts";
import { jsonMediaType, ndjsonMediaType } from "../src/http/media_type.ts";
import {
  acceptFormat,
  bytesOption,
  choiceOption,
  countOption,
  cursorOption,
  flagOption,
  keys64Option,
  keysOption,
  noConditions,
  readOptions,
  tagsOption,
  waitOption,
  writeOptions,
} from "../src/http/option_schemas.ts";
import type { HeaderTwin } from "../src/http/options.ts";
import { pageLimitMax } from "../src/http/paging.ts";
import { deleteRange } from "../src/http/range_delete.ts";
import { RangeLineSchema } from "../src/http/range_schemas.ts";
import { streamRange } from "../src/http/range_stream.ts";
import { json, notModified, readResponse, writeResponse } from "../src/http/response_docs.ts";
import { defineRoute, type Route } from "../src/http/route.ts";
import { DeleteRangeResultSchema, ListSchema } from "../src/http/schemas.ts";

const rangeOptions = {
  prefix: bytesOption("Keys that begin with these bytes."),
  start: bytesOption("The first key of the range, inclusive."),
  end: bytesOption("The end of the range, exclusive."),
};

const page = acceptFormat({ [jsonMediaType]: "json" });
const lines = acceptFormat({ [ndjsonMediaType]: "ndjson" });

/** Whoever takes a page as well is sent one, and may still ask for the other in the query. */
const listFormat: HeaderTwin = {
  header: "Accept",
  read: (value) => page.read(value) === undefined ? lines.read(value) : undefined,
};

const listOptions = {
  ...readOptions,
  wait: waitOption("With If-None-Match: instead of 304, wait so long for a change in the range."),
  ...rangeOptions,
  key: keysOption(),
  key64: keys64Option(),
  limit: countOption("Items and folders in one answer; 1000 when absent.", {
    min: 1,
    max: pageLimitMax,
  }),
  cursor: cursorOption(),
  reverse: flagOption("From the end of the range to its start."),
  delimiter: bytesOption("Fold the keys that contain it behind the prefix into one entry."),
  keys_only: flagOption("Records without their values."),
  count_only: flagOption("Only count the keys of the range."),
  format: choiceOption("`ndjson`: the whole range, as lines of JSON.", ["json", "ndjson"], {
    twin: listFormat,
  }),
  if_match: tagsOption("Only if nothing in the range has changed since.", {
    kind: "r",
    header: "If-Match",
  }),
  if_none_match: tagsOption("304 if nothing in the range has changed since.", {
    kind: "r",
    header: "If-None-Match",
  }),
};

const listKeys = defineRoute({
  method: "get",
  path: "/v1/kv",
  operationId: "listKeys",
  tag: "keys",
  summary: "List records by prefix or range, count them, or read several by key",
  description: "Without any range it lists all keys, in key order by unsigned bytes. A page ends " +
    "after 16 MiB of JSON; `cursor` leads to the next one at the same revision. As lines of JSON " +
    "(`format=ndjson`) the range comes whole, at one revision, however large it is, for at most " +
    "10 minutes: records, and with `delimiter` folders, in the order of the range, and then " +
    '`{"end":true,"count":N,"revision":R}`. A stream without that line was cut. There `limit` ' +
    "bounds the lines, and is absent by default; `timeout` bounds the wait for the first one.",
  options: listOptions,
  success: {
    200: readResponse(
      "A page, or the range.",
      { ...json(ListSchema), [ndjsonMediaType]: { schema: RangeLineSchema, "x-stream": true } },
      ["ETag", "Link", "Vary"],
    ),
    304: notModified,
  },
  problems: [410, 412, 429, 503, 504],
  handle: (call, options) =>
    options.format === "ndjson" ? streamRange(call, options) : list(call, options),
});

const removeRange = defineRoute({
  method: "delete",
  path: "/v1/kv",
  operationId: "deleteRange",
  tag: "keys",
  summary: "Delete all keys of a range",
  description: "In one revision, which holds at most 10,000 changes: a larger range needs `limit`.",
  options: {
    ...writeOptions,
    ...noConditions,
    ...rangeOptions,
    limit: countOption("Delete at most this many keys, in key order.", {
      min: 1,
      max: pageLimitMax,
    }),
    all: flagOption("Really every key: without it, a request that names no range is refused."),
  },
  success: { 200: writeResponse("Done.", json(DeleteRangeResultSchema)) },
  problems: [403, 408, 409, 422, 429, 503, 504, 507],
  handle: deleteRange,
});

export const kvRangeRoutes: readonly Route[] = [listKeys, removeRange];
