/** Compacting the log on request: `/v1/snapshots`. */

import { compactLog, LogReachSchema } from "../src/http/log_compaction.ts";
import { everywhereOptions, noConditions } from "../src/http/option_schemas.ts";
import { json, storeResponse } from "../src/http/response_docs.ts";
import { defineRoute, type Route } from "../src/http/route.ts";

const snapshots = defineRoute({
  method: "post",
  path: "/v1/snapshots",
  operationId: "compactLog",
  tag: "snapshots",
  summary: "Compact the log of this node",
  description: "The store is its own snapshot: what it holds durably need not stay in the log. " +
    "Each node does this by itself, as section snapshot of its configuration says; this asks for " +
    "it now. The tail that is kept for followers stays.",
  options: { ...everywhereOptions, ...noConditions },
  success: { 202: storeResponse("It will be done.", json(LogReachSchema)) },
  problems: [403, 409, 429, 503],
  handle: compactLog,
});

export const logCompactionRoutes: readonly Route[] = [snapshots];
