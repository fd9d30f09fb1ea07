/** The JSON of leases, as named components of the document. */

import { z } from "@hono/zod-openapi";
import { ttlSchema } from "./durations.ts";
import { isLeaseId, leaseIdAllowed } from "./int64.ts";
import { count, ProblemSchema, resultsOmitted } from "./schemas.ts";

/** What a lease is asked for with; `ttl` is in ms. */
export interface LeaseRequestJson {
  readonly ttl: number;
  readonly id?: string | undefined;
}

export const LeaseRequestSchema: z.ZodType<LeaseRequestJson> = z.strictObject({
  ttl: ttlSchema("How long it lives unless it is kept alive."),
  id: z.string().refine(isLeaseId, { error: leaseIdAllowed }).optional().openapi({
    type: "string",
    description: "A signed 64-bit integer other than 0, as text; chosen by the store when absent.",
  }),
}).openapi("LeaseRequest");

const id = z.string().openapi({
  description: "A signed 64-bit integer, as text.",
  example: "7587862094736125953",
});
const ttl = count("Its whole time to live, ms.");

export const LeaseGivenSchema = z.object({
  id,
  ttl_ms: ttl,
  revision: count("The store's revision."),
  results_omitted: resultsOmitted,
}).openapi("LeaseGiven", { description: "A lease that has its whole time from now on." });

const leaseMembers = {
  id,
  ttl_ms: ttl,
  remaining_ms: count(
    "What is left of it, ms of cluster time, which stands still without a leader.",
  ),
  key_count: count("How many keys, locks and elections hang on it."),
  private: z.boolean().openapi({
    description: "The lease of one key, lock or election that was asked for with `ttl`: it goes " +
      "with that.",
  }),
};

const LeaseKeySchema = z.object({
  key: z.string().optional(),
  key64: z.string().optional(),
}).openapi("LeaseKey", { description: "`key` where it is UTF-8, else `key64`." });

export const LeaseSchema = z.object({
  ...leaseMembers,
  keys: z.array(LeaseKeySchema).optional().openapi({ description: "With `keys`: in key order." }),
  revision: count("The revision of the view."),
  cursor: z.string().optional().openapi({
    description: "With `keys`: where the next page of them begins; left out on the last one.",
  }),
}).openapi("Lease");

const LeaseItemSchema = z.object(leaseMembers).openapi("LeaseItem");

export const LeasesSchema = z.object({
  items: z.array(LeaseItemSchema).openapi({ description: "By their ids." }),
  count: count("Leases in this answer."),
  revision: count("The revision of the view."),
  cursor: z.string().optional().openapi({
    description: "Where the next page begins; left out on the last one.",
  }),
}).openapi("Leases");

export const LeaseHoldFrameSchema = z.object({
  event: z.string().optional().openapi({
    example: "held",
    description: "held, holding (in lines of JSON alone: nothing has happened), failing, renew, " +
      "lost or closing; of server-sent events it stands beside the data.",
  }),
  lease: id,
  ttl_ms: ttl.optional(),
  remaining_ms: count("What is left of it at least, ms, where it was not just kept alive.")
    .optional(),
  error: ProblemSchema.optional(),
}).openapi("LeaseHoldFrame", {
  description: "One frame of a hold. After renew, lost and closing there is none. Of failing and " +
    "lost, `error` says what is wrong: `lease_not_found` that the lease has ended, anything else " +
    "that it could not be kept alive.",
});
