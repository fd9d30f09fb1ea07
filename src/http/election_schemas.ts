/** The JSON of elections, as named components of the document. */

import { z } from "@hono/zod-openapi";
import type { LifeJson } from "./contests.ts";
import { lifeMembers, nameMembers } from "./lock_schemas.ts";
import { type ValueJson, valueMembers } from "./request_members.ts";
import { contestMembers, count, resultsOmitted } from "./schemas.ts";

/** What is campaigned with; `ttl` is in ms. */
export interface CampaignJson extends LifeJson, ValueJson {}

export const CampaignSchema: z.ZodType<CampaignJson> = z.strictObject({
  ...lifeMembers,
  ...valueMembers,
}).openapi("Campaign", {
  description: "Either `ttl` or `lease`, and what the leader says to all: up to 64 KiB, nothing " +
    "when absent.",
});

export const ProclamationSchema: z.ZodType<ValueJson> = z.strictObject(valueMembers)
  .openapi("Proclamation", { description: "What the leader says from now on: up to 64 KiB." });

export const ElectedSchema = z.object({
  ...nameMembers,
  ...contestMembers,
  revision: count("Of this change; where nothing changed, the store's."),
  results_omitted: resultsOmitted,
}).openapi("Elected");

const said = {
  value: z.string().optional().openapi({ description: "What it says, where that is UTF-8." }),
  value64: z.string().optional().openapi({
    description: "The same in base64url, where it is not.",
  }),
};
const mod = count("The revision that gave it its value.");

export const ElectionSchema = z.object({
  ...nameMembers,
  ...contestMembers,
  ...said,
  mod,
  waiting: count("How many campaign behind it."),
  revision: count("The revision of the view."),
}).openapi("Election");

export const ElectionFrameSchema = z.object({
  event: z.string().optional().openapi({
    example: "leader",
    description:
      "leader, vacant, progress or closing; of server-sent events it stands beside the " +
      "data.",
  }),
  ...nameMembers,
  ...z.object(contestMembers).partial().shape,
  ...said,
  mod: mod.optional(),
  revision: count("The store's, when this was so.").optional(),
}).openapi("ElectionFrame", {
  description: "`leader`: who leads now, and what it says. `vacant`: nobody does.",
});
