/** The JSON of batches, as named components of the document. */

import { z } from "@hono/zod-openapi";
import {
  integer,
  type KeyJson,
  keyMembers,
  prevMember,
  type PutJson,
  putMembers,
} from "./request_members.ts";
import { count, ProblemSchema, recordOrNull, RecordSchema, resultsOmitted } from "./schemas.ts";

/** See kv/record.ts. */
export const batchItemsMax = 1_000;

/** The conditions of an item. */
export interface ConditionsJson {
  readonly if_match?: number | "*" | undefined;
  readonly if_none_match?: "*" | undefined;
}

/** One item: exactly one of its members, checked member by member. */
export interface BatchItemJson {
  readonly put?: BatchPutJson | undefined;
  readonly get?: KeyJson | undefined;
  readonly delete?: BatchDeleteJson | undefined;
}

/** A put with its conditions. */
export interface BatchPutJson extends PutJson, ConditionsJson {}

/** A deletion with its conditions. */
export interface BatchDeleteJson extends KeyJson, ConditionsJson {
  readonly prev?: boolean | undefined;
}

const tagAllowed = 'allowed are an integer from 0 to 9007199254740991 and "*"';
const anyTag = z.literal("*", { error: 'allowed is "*"' });

const conditionMembers = {
  if_match: z.union([
    integer("A mod revision; 0: absent.", { min: 0, error: tagAllowed }),
    anyTag,
  ], { error: tagAllowed }).optional().openapi({
    description: 'The key\'s mod revision, 0 for an absent key; "*": it exists.',
    example: 42,
  }),
  if_none_match: anyTag.optional().openapi({
    type: "string",
    description: 'Only "*": the key is absent.',
    example: "*",
  }),
};

const BatchPutSchema = z.strictObject({ ...putMembers, ...conditionMembers }).openapi("BatchPut");
const BatchGetSchema = z.strictObject(keyMembers).openapi("BatchGet");
const BatchDeleteSchema = z.strictObject({ ...keyMembers, prev: prevMember, ...conditionMembers })
  .openapi("BatchDelete");

export const BatchItemSchema: z.ZodType<BatchItemJson> = z.strictObject({
  put: BatchPutSchema.optional(),
  get: BatchGetSchema.optional(),
  delete: BatchDeleteSchema.optional(),
}).openapi("BatchItem", {
  description: "Exactly one of them.",
  minProperties: 1,
  maxProperties: 1,
});

export const BatchSchema: z.ZodType<readonly BatchItemJson[]> = z.array(BatchItemSchema)
  .min(1, { error: `allowed are 1 to ${batchItemsMax} items` })
  .max(batchItemsMax, { error: `allowed are 1 to ${batchItemsMax} items` })
  .openapi({ minItems: 1, maxItems: batchItemsMax });

/** What the document shows of a batch. */
export const batchExample = [
  { put: { key: "a", value: "1", if_none_match: "*" } },
  { get: { key: "b" } },
  { delete: { key: "c" } },
] as const satisfies readonly BatchItemJson[];

const BatchResultItemSchema = z.object({
  status: z.int().min(200).max(599).optional().openapi({
    format: "int32",
    description: "What the item alone would have been answered with.",
  }),
  ...RecordSchema.partial().shape,
  revision: count("The revision of this write.").optional(),
  deleted: count("1, or 0 when there was no such key.").optional(),
  prev: recordOrNull.optional(),
  problem: ProblemSchema.optional(),
}).openapi("BatchItemResult", {
  description: "The status and the members of the answer that the item alone would have had, or " +
    "its problem. A get is empty where `results_omitted`.",
});

export const BatchResultSchema = z.object({
  items: z.array(BatchResultItemSchema).openapi({ description: "In the order of the batch." }),
  revision: count("The store's after the last item."),
  results_omitted: resultsOmitted,
}).openapi("BatchResult");
