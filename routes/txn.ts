/** Several operations in one request: `/v1/txn` all or nothing, `/v1/batch` each by itself. */

import { runBatch } from "../src/http/batch.ts";
import { batchExample, BatchResultSchema, BatchSchema } from "../src/http/batch_schemas.ts";
import { noConditions, storeOptions } from "../src/http/option_schemas.ts";
import { json, writeResponse } from "../src/http/response_docs.ts";
import { defineRoute, type Route } from "../src/http/route.ts";
import { runTxn } from "../src/http/txn_answer.ts";
import { txnExample, TxnResultSchema, TxnSchema } from "../src/http/txn_schemas.ts";

const txn = defineRoute({
  method: "post",
  path: "/v1/txn",
  operationId: "runTxn",
  tag: "transactions",
  summary: "Do one of two lists of operations, whole, in one revision",
  description:
    "Where all compares of `if` hold, `then` is done, else `else`; neither is an error. " +
    "Operations see what those before them did. A key may be written once.",
  options: { ...storeOptions, ...noConditions },
  body: { required: true, content: json(TxnSchema, txnExample) },
  success: { 200: writeResponse("Done.", json(TxnResultSchema), ["ETag"]) },
  problems: [403, 404, 408, 409, 413, 415, 422, 429, 503, 504, 507],
  handle: runTxn,
});

const batch = defineRoute({
  method: "post",
  path: "/v1/batch",
  operationId: "runBatch",
  tag: "transactions",
  summary: "Do many independent operations, in order",
  description:
    "Up to 1,000 items in 16 MiB, each with a revision, an outcome and a status of its " +
    "own. As NDJSON (`Content-Type: application/x-ndjson`) one item stands on each line.",
  options: { ...storeOptions, ...noConditions },
  body: {
    required: true,
    // Not NDJSON: its schema would be that of a line, which generators take for the whole body.
    content: json(BatchSchema, batchExample),
  },
  success: {
    200: writeResponse("Every status is below 400.", json(BatchResultSchema)),
    207: writeResponse("Some are not, or are not known any more.", json(BatchResultSchema)),
  },
  problems: [403, 408, 409, 413, 415, 422, 429, 503, 504, 507],
  handle: runBatch,
});

export const txnRoutes: readonly Route[] = [txn, batch];
