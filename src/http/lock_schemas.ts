/** The JSON of locks, as named components of the document. */

import { z } from "@hono/zod-openapi";
import { utf8 } from "../lib/bytes.ts";
import { lockOwnerBytesMax } from "../service/contract.ts";
import type { LifeJson } from "./contests.ts";
import { ttlSchema } from "./durations.ts";
import { isLeaseId, leaseIdAllowed } from "./int64.ts";
import { contestMembers, count, resultsOmitted } from "./schemas.ts";

/** What a lock is asked for with; `ttl` is in ms. */
export interface LockRequestJson extends LifeJson {
  readonly owner?: string | undefined;
}

/** One of both. */
export const lifeMembers = {
  ttl: ttlSchema("It is held so long unless its lease, which is its own, is kept alive.")
    .optional(),
  lease: z.string().refine(isLeaseId, { error: leaseIdAllowed }).optional().openapi({
    type: "string",
    description: "Or it is held for as long as this lease lives.",
  }),
};

export const LockRequestSchema: z.ZodType<LockRequestJson> = z.strictObject({
  ...lifeMembers,
  owner: z.string().refine(
    (text) => text.isWellFormed() && utf8(text).length <= lockOwnerBytesMax,
    { error: `allowed are up to ${lockOwnerBytesMax} bytes of UTF-8` },
  ).optional().openapi({
    type: "string",
    description: "What the holder calls itself, for people.",
    example: "worker-7",
  }),
}).openapi("LockRequest", { description: "Either `ttl` or `lease`." });

export const nameMembers = {
  name: z.string().optional().openapi({ description: "The name, where it is UTF-8." }),
  name64: z.string().optional().openapi({ description: "The name in base64url, where it is not." }),
};

const lockMembers = {
  ...nameMembers,
  ...contestMembers,
  owner: z.string().optional().openapi({ description: "Where one was given." }),
};

export const LockHeldSchema = z.object({
  ...lockMembers,
  revision: count("Of this change; where nothing changed, the store's."),
  results_omitted: resultsOmitted,
}).openapi("LockHeld");

export const LockReleasedSchema = z.object({
  ...nameMembers,
  ...contestMembers,
  revision: count("Of the release."),
  results_omitted: resultsOmitted,
}).openapi("LockReleased");

export const LockSchema = z.object({
  ...lockMembers,
  waiting: count("How many wait for it."),
  revision: count("The revision of the view."),
}).openapi("Lock");
