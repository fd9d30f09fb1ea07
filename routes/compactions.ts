/** Giving up the past: `/v1/compactions`. */

import { compact, CompactionRequestSchema, CompactionSchema } from "../src/http/compaction.ts";
import { noConditions, storeOptions } from "../src/http/option_schemas.ts";
import { json, writeResponse } from "../src/http/response_docs.ts";
import { defineRoute, type Route } from "../src/http/route.ts";

const compactions = defineRoute({
  method: "post",
  path: "/v1/compactions",
  operationId: "compact",
  tag: "snapshots",
  summary: "Give up what was before a revision",
  description: "Reads of that revision and later ones go on, earlier ones are 410. The boundary " +
    "moves at once and never back; the disk space comes free in small steps.",
  options: { ...storeOptions, ...noConditions },
  body: { required: true, content: json(CompactionRequestSchema, { revision: 1842 }) },
  success: { 200: writeResponse("Done.", json(CompactionSchema)) },
  problems: [403, 408, 409, 413, 415, 422, 429, 503, 504, 507],
  handle: compact,
});

export const compactionRoutes: readonly Route[] = [compactions];
