/** The past of one key: `/v1/history/{key}`, and `/v1/history64/{key64}`. */

import { getHistory } from "../src/http/history.ts";
import {
  countOption,
  cursorOption,
  noConditions,
  readOptions,
} from "../src/http/option_schemas.ts";
import { pageLimitMax } from "../src/http/paging.ts";
import { json, readResponse } from "../src/http/response_docs.ts";
import { defineRoute, key64Twin, type Route, type RouteDefinition } from "../src/http/route.ts";
import { HistorySchema } from "../src/http/schemas.ts";

const options = {
  ...readOptions,
  ...noConditions,
  limit: countOption("Items in one answer; 1000 when absent.", { min: 1, max: pageLimitMax }),
  cursor: cursorOption(),
};

const get: RouteDefinition<typeof options> = {
  method: "get",
  path: "/v1/history/{key}",
  operationId: "getHistory",
  tag: "keys",
  summary: "The versions and deletions of a key, the newest first",
  description: "As far back as revisions can be read; empty where the key never was. A page ends " +
    "after 16 MiB of JSON; `cursor` leads to the next one of the same view. 410 when that " +
    "view is compacted.",
  options,
  success: { 200: readResponse("A page.", json(HistorySchema), ["Link"]) },
  problems: [410, 429, 503, 504],
  handle: getHistory,
};

export const historyRoutes: readonly Route[] = [defineRoute(get), key64Twin(get)];
