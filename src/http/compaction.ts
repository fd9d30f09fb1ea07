/** Giving up the past. */

import { z } from "@hono/zod-openapi";
import { jsonAnswer } from "./answer.ts";
import { omittedFields, writeAs } from "./ask_write.ts";
import type { Call } from "./call.ts";
import { requireJson } from "./json_body.ts";
import { jsonMediaType } from "./media_type.ts";
import { integer } from "./request_members.ts";
import { count, resultsOmitted } from "./schemas.ts";

/** Up to where the past is given up. */
export interface CompactionJson {
  readonly revision: number;
}

export const CompactionRequestSchema: z.ZodType<CompactionJson> = z.strictObject({
  revision: integer("What was before it is given up; it stays readable itself.", { min: 1 }),
}).openapi("CompactionRequest");

export const CompactionSchema = z.object({
  revision: count("The store's revision."),
  oldest: count("The oldest revision that can be read now."),
  results_omitted: resultsOmitted,
}).openapi("Compaction");

/** `POST /v1/compactions`: what is given up already stays so, and is no error. */
export async function compact(call: Call): Promise<Response> {
  const { revision } = await requireJson(call, { [jsonMediaType]: CompactionRequestSchema });
  const done = await writeAs("compacted", call, { kind: "compact", revision });
  const { oldest } = done;
  return jsonAnswer(call, 200, { revision: done.revision, oldest, ...omittedFields(done) });
}
