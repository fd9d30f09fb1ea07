/** Compacting the log of a node on request. */

import { z } from "@hono/zod-openapi";
import { jsonAnswer } from "./answer.ts";
import type { Call } from "./call.ts";
import { count } from "./schemas.ts";

export const LogReachSchema = z.object({
  log_begins_behind: count("The log held the entries behind this index when it was asked."),
  applied: count("The store holds everything up to this index."),
  log_ends_at: count("The last entry of the log."),
}).openapi("LogReach");

/** `POST /v1/snapshots`: the store is its own snapshot, so that the log may begin later. */
export function compactLog(call: Call): Response {
  call.header = call.services.kv.header();
  const { boundary, applied, lastIndex } = call.services.cluster.compactLog();
  return jsonAnswer(call, 202, {
    log_begins_behind: boundary,
    applied,
    log_ends_at: lastIndex,
  });
}
