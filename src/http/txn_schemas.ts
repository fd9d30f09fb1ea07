/** The JSON of transactions, as named components of the document. */

import { z } from "@hono/zod-openapi";
import { pageLimitDefault, pageLimitMax } from "./paging.ts";
import {
  integer,
  type KeyJson,
  keyMembers,
  prevMember,
  type PutJson,
  putMembers,
  type RangeJson,
  rangeMembers,
  valueMembers,
} from "./request_members.ts";
import { count, DeletedSchema, PutDoneSchema, RecordSchema, resultsOmitted } from "./schemas.ts";

const targets = ["value", "version", "create", "mod", "lease"] as const;
const operators = ["=", "!=", "<", ">"] as const;

const textOrInteger = "allowed are a text and an integer of up to 2^53 - 1";

/** One compare, checked member by member. */
export interface CompareJson extends KeyJson, RangeJson {
  readonly target: typeof targets[number];
  readonly op: typeof operators[number];
  readonly value?: string | number | undefined;
  readonly value64?: string | undefined;
}

/** One operation: exactly one of its members. */
export interface TxnOperationJson {
  readonly put?: PutJson | undefined;
  readonly get?: KeyJson | undefined;
  readonly range?: TxnRangeJson | undefined;
  readonly delete?: TxnDeleteJson | undefined;
  readonly txn?: TxnJson | undefined;
}

/** A read of a range. */
export interface TxnRangeJson extends RangeJson {
  readonly limit?: number | undefined;
  readonly reverse?: boolean | undefined;
  readonly keys_only?: boolean | undefined;
}

/** A deletion of a key or a range. */
export interface TxnDeleteJson extends KeyJson, RangeJson {
  readonly prev?: boolean | undefined;
}

/** A transaction, checked member by member. */
export interface TxnJson {
  readonly if?: readonly CompareJson[] | undefined;
  readonly then?: readonly TxnOperationJson[] | undefined;
  readonly else?: readonly TxnOperationJson[] | undefined;
}

const CompareSchema = z.strictObject({
  ...keyMembers,
  ...rangeMembers,
  target: z.enum(targets).openapi({ description: "What of the key is compared.", example: "mod" }),
  op: z.enum(operators).openapi({ description: "How it compares with `value`.", example: "=" }),
  value: z.union([z.string(), z.int({ error: textOrInteger })], { error: textOrInteger }).optional()
    .openapi({
      anyOf: [{ type: "string" }, {
        type: "integer",
        format: "int64",
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
      }],
      description: "Of target `value` the text to compare with; of `version`, `create` and `mod` " +
        'an integer; of `lease` its id as text, "0" for none.',
      example: "10",
    }),
  value64: valueMembers.value64,
}).openapi("Compare", {
  description: "Holds when it holds for every key of a range. An absent key compares as version, " +
    "create, mod and lease 0; a compare of its value never holds.",
});

const TxnPutSchema = z.strictObject(putMembers).openapi("TxnPut");
const TxnGetSchema = z.strictObject(keyMembers).openapi("TxnGet");
const TxnRangeSchema = z.strictObject({
  ...rangeMembers,
  limit: integer(`Records at most; ${pageLimitDefault} when absent.`, { min: 1, max: pageLimitMax })
    .optional(),
  reverse: z.boolean().optional().openapi({ description: "From the end of the range." }),
  keys_only: z.boolean().optional().openapi({ description: "Records without their values." }),
}).openapi("TxnRange", { description: "All keys where no range is named." });
const TxnDeleteSchema = z.strictObject({
  ...keyMembers,
  ...rangeMembers,
  prev: prevMember,
}).openapi("TxnDelete", { description: "One key, or a range that is not all keys." });

const TxnOperationSchema: z.ZodType<TxnOperationJson> = z.strictObject({
  put: TxnPutSchema.optional(),
  get: TxnGetSchema.optional(),
  range: TxnRangeSchema.optional(),
  delete: TxnDeleteSchema.optional(),
  txn: z.lazy(() => TxnSchema).optional(),
}).openapi("TxnOperation", {
  description: "Exactly one of them.",
  minProperties: 1,
  maxProperties: 1,
});

export const TxnSchema: z.ZodType<TxnJson> = z.strictObject({
  if: z.array(CompareSchema).optional().openapi({ description: "All must hold." }),
  then: z.array(TxnOperationSchema).optional().openapi({ description: "Done if they do." }),
  else: z.array(TxnOperationSchema).optional().openapi({ description: "Done if not." }),
}).openapi("Txn", {
  description: "Up to 128 operations and 128 compares, those of nested transactions counted.",
});

/** What the document shows of a transaction. */
export const txnExample = {
  if: [{ key: "t/a", target: "value", op: "=", value: "10" }],
  then: [{ put: { key: "t/a", value: "5" } }, { get: { key: "t/b" } }],
  else: [{ range: { prefix: "t/" } }],
} as const satisfies TxnJson;

const TxnRangeResultSchema = z.object({
  items: z.array(RecordSchema),
  count: count("Records in this result."),
  more: z.boolean().openapi({ description: "The range holds more keys." }),
}).openapi("TxnRangeResult");

/** An operation's result, as its operation is called. */
interface OperationResultJson {
  readonly put?: unknown;
  readonly get?: unknown;
  readonly range?: unknown;
  readonly delete?: unknown;
  readonly txn?: unknown;
}

const OperationResultSchema: z.ZodType<OperationResultJson> = z.object({
  put: PutDoneSchema.optional(),
  get: z.union([RecordSchema, z.null()]).optional().openapi({
    description: "The record, null when the key is absent.",
  }),
  range: TxnRangeResultSchema.optional(),
  delete: DeletedSchema.optional(),
  txn: z.lazy(() => TxnResultSchema).optional(),
}).openapi("TxnOperationResult", {
  description: "Has the name of its operation; is empty where `results_omitted` and it was a read.",
  maxProperties: 1,
});

export const TxnResultSchema: z.ZodType = z.object({
  succeeded: z.boolean().openapi({ description: "The compares held, and `then` was done." }),
  revision: count("Of the transaction; where nothing was changed, the store's."),
  results: z.array(OperationResultSchema).openapi({
    description: "Of the operations done, in their order.",
  }),
  results_omitted: resultsOmitted,
}).openapi("TxnResult");
