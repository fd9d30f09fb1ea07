/**
 * Batches: many independent writes and reads in one request. Each is answered as it would be alone,
 * with its own status.
 */

import { utf8 } from "../lib/bytes.ts";
import type { Conditions, Operation } from "../service/contract.ts";
import { type Outcome, ServiceError } from "../service/errors.ts";
import { rejectionError } from "../service/rejection.ts";
import { omittedFields, type ResultOf, writeAs } from "./ask_write.ts";
import {
  type BatchDeleteJson,
  type BatchItemJson,
  BatchSchema,
  type ConditionsJson,
} from "./batch_schemas.ts";
import { BodyReader } from "./body_reader.ts";
import type { Call } from "./call.ts";
import { problemDocument } from "./errors.ts";
import { requireJson } from "./json_body.ts";
import { recordsAnswer } from "./json_steps.ts";
import { jsonMediaType, ndjsonMediaType } from "./media_type.ts";
import {
  preconditionFailed,
  preconditionHadFailed,
  refuseUnsupportedConditions,
  shownKey,
} from "./precondition.ts";
import { keyFields, recordJson } from "./record_json.ts";

type Batch = Extract<Operation, { readonly kind: "batch" }>;
type BatchItem = Batch["items"][number];
type Done = ResultOf<"batch">;
type ItemDone = Done["results"][number];

/** `POST /v1/batch`: 200 when all went well, else 207. */
export async function runBatch(call: Call): Promise<Response> {
  refuseUnsupportedConditions(call);
  const json = await requireJson(call, {
    [jsonMediaType]: BatchSchema,
    [ndjsonMediaType]: BatchSchema,
  });
  const reader = new BodyReader(call.services.limits);
  const items = json.map((each, i) => itemOf(each, reader, `[${i}]`));
  reader.finish();
  const done = await writeAs("batch", call, { kind: "batch", items });
  const isOmitted = done.omitted === true;
  const answers = done.results.map((result, i) => itemJson(result, items[i]!, isOmitted));
  // What of a repetition nobody knows any more must not pass for well done.
  const isWell = answers.length === items.length &&
    answers.every(({ status }) => status !== undefined && status < 400);
  return await recordsAnswer(call, isWell ? 200 : 207, {
    items: answers,
    revision: done.revision,
    ...omittedFields(done),
  });
}

const itemNames = ["put", "get", "delete"] as const;

function itemOf(json: BatchItemJson, reader: BodyReader, at: string): BatchItem {
  const given = itemNames.filter((name) => json[name] !== undefined);
  if (given.length !== 1) {
    const has = given.length === 0 ? "none" : given.join(" and ");
    reader.refuse(at, `${at} has ${has}, allowed is one of ${itemNames.join(", ")}`);
  }
  const { put, get, delete: deletion } = json;
  if (put !== undefined) {
    const conditions = conditionsAt(put, reader, `${at}.put`);
    return { kind: "put", ...reader.put(put, `${at}.put`), conditions };
  }
  if (deletion !== undefined) return deletionOf(deletion, reader, `${at}.delete`);
  // Where there is none at all, that was told, and the batch is not asked for.
  return { kind: "get", key: get === undefined ? utf8("-") : reader.key(get, `${at}.get`) };
}

function deletionOf(json: BatchDeleteJson, reader: BodyReader, at: string): BatchItem {
  return {
    kind: "delete",
    target: { kind: "key", key: reader.key(json, at) },
    conditions: conditionsAt(json, reader, at),
    prev: json.prev ?? false,
  };
}

function conditionsAt(json: ConditionsJson, reader: BodyReader, at: string): Conditions {
  const { if_match: ifMatch, if_none_match: ifNoneMatch } = json;
  if (ifMatch === "*" && ifNoneMatch === "*") {
    const message = `${at} has if_match and if_none_match "*", which never hold together`;
    reader.refuse(`${at}.if_match`, message);
  }
  return {
    ...(ifMatch === undefined ? {} : { ifMatch: ifMatch === "*" ? "any" : [ifMatch] }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch: "any" }),
  };
}

/** What one item is answered. */
interface ItemJson {
  readonly [member: string]: unknown;
  readonly status?: number;
}

function itemJson(result: ItemDone, item: BatchItem, isOmitted: boolean): ItemJson {
  switch (result.kind) {
    case "put":
      return putJson(result, item, isOmitted);
    case "delete": {
      const { deleted, revision, prev: [before] } = result;
      const isTold = item.kind === "delete" && item.prev && !isOmitted;
      const prev = before === undefined ? null : recordJson(before);
      return { status: 200, deleted, revision, ...(isTold ? { prev } : {}) };
    }
    case "get": {
      // Whether there was a record is not known any more.
      if (isOmitted) return {};
      const { record } = result;
      if (record !== undefined) return { status: 200, ...recordJson(record) };
      const detail = `${shownKey(keyOf(item))} does not exist`;
      return failed(new ServiceError("key_not_found", detail), undefined);
    }
    case "conditionFailed": {
      const key = keyOf(item);
      // A batch that has answered much leaves the key out, which is that of the item.
      const current = result.current === undefined ? undefined : { ...result.current, key };
      if (isOmitted) return failed(preconditionHadFailed(key), "not_applied");
      const conditions = item.kind === "get" ? {} : item.conditions;
      const valueOmitted = result.valueOmitted ?? false;
      return failed(preconditionFailed({ key, conditions, current, valueOmitted }), "not_applied");
    }
    case "rejected":
      return failed(rejectionError(result), item.kind === "get" ? undefined : "not_applied");
  }
}

function putJson(
  { revision, create, version, prev }: Extract<ItemDone, { readonly kind: "put" }>,
  item: BatchItem,
  isOmitted: boolean,
): ItemJson {
  const isTold = item.kind === "put" && item.prev && !isOmitted;
  const before = prev === undefined ? null : recordJson(prev);
  const record = { ...keyFields(keyOf(item)), revision, create, version };
  return { status: version === 1 ? 201 : 200, ...record, ...(isTold ? { prev: before } : {}) };
}

function failed(error: ServiceError, outcome: Outcome | undefined): ItemJson {
  const problem = problemDocument(error, outcome);
  return { status: problem.status, problem };
}

function keyOf(item: BatchItem): Uint8Array {
  if (item.kind !== "delete") return item.key;
  return item.target.kind === "key" ? item.target.key : item.target.start;
}
