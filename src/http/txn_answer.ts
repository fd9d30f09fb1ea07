/** Transactions: asked, and answered. */

import type { Result } from "../service/contract.ts";
import { omittedFields, type ResultOf, writeAs } from "./ask_write.ts";
import { BodyReader } from "./body_reader.ts";
import type { Call } from "./call.ts";
import { recordTag } from "./etag.ts";
import { requireJson } from "./json_body.ts";
import { recordsAnswer } from "./json_steps.ts";
import { jsonMediaType } from "./media_type.ts";
import { refuseUnsupportedConditions } from "./precondition.ts";
import { recordJson } from "./record_json.ts";
import { type Txn, txnOf, type TxnOperation } from "./txn_request.ts";
import { TxnSchema } from "./txn_schemas.ts";

type TxnDone = Omit<ResultOf<"txn">, "replayed" | "omitted">;
type TxnResult = TxnDone["results"][number];

/** `POST /v1/txn`: which branch was taken is no matter of status. */
export async function runTxn(call: Call): Promise<Response> {
  refuseUnsupportedConditions(call);
  const json = await requireJson(call, { [jsonMediaType]: TxnSchema });
  const reader = new BodyReader(call.services.limits);
  const txn = txnOf(json, reader);
  reader.finish();
  const done = await writeAs("txn", call, txn);
  // Of each key that was put this is the tag.
  if (hasPut(done)) call.extraHeaders["ETag"] = recordTag(done.revision);
  return await recordsAnswer(call, 200, { ...txnJson(done, txn, done), ...omittedFields(done) });
}

function hasPut({ results }: TxnDone): boolean {
  return results.some((each) => each.kind === "put" || (each.kind === "txn" && hasPut(each)));
}

type Told = Pick<Result, "omitted">;

/** Of a repetition the results may be missing altogether. */
function txnJson(done: TxnDone, txn: Txn, told: Told): Readonly<Record<string, unknown>> {
  const { succeeded, revision, results } = done;
  const operations = succeeded ? txn.then : txn.otherwise;
  return {
    succeeded,
    revision,
    results: results.map((result, i) => resultJson(result, operations[i], told)),
  };
}

function resultJson(
  result: TxnResult,
  operation: TxnOperation | undefined,
  told: Told,
): Readonly<Record<string, unknown>> {
  const isRead = result.kind === "get" || result.kind === "range";
  // Whether there was anything to read is not known any more.
  if (isRead && told.omitted === true) return {};
  switch (result.kind) {
    case "put": {
      const { revision, create, version, prev } = result;
      const asked = operation?.kind === "put" && operation.put.prev && told.omitted !== true;
      const before = prev === undefined ? null : recordJson(prev);
      return { put: { revision, create, version, ...(asked ? { prev: before } : {}) } };
    }
    case "get":
      return { get: result.record === undefined ? null : recordJson(result.record) };
    case "range": {
      const { items, more } = result;
      const withValue = !(operation?.kind === "range" && operation.range.keysOnly);
      const records = items.map((record) => recordJson(record, { withValue }));
      return { range: { items: records, count: items.length, more } };
    }
    case "delete": {
      const asked = operation?.kind === "delete" && operation.prev && told.omitted !== true;
      const before = result.prev.map((record) => recordJson(record));
      return { delete: { deleted: result.deleted, ...(asked ? { prev: before } : {}) } };
    }
    case "txn":
      if (operation?.kind !== "txn") throw new Error("The result of a transaction is no other's");
      return { txn: txnJson(result, operation.txn, told) };
  }
}
