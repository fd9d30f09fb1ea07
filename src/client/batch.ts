/** Batches: many independent operations in one request. */

import { AnswerError } from "./errors.ts";
import { bytesMembers, type JsonObject } from "./members.ts";
import type { KeyBytes } from "./paths.ts";
import { problemError } from "./problem.ts";
import { type KeyRecord, listMember, numberMember, objectOf, prevOf, recordOf } from "./records.ts";
import { putJson, type PutOperation } from "./txn.ts";

/** Conditions of an item; all must hold. */
export interface BatchConditions {
  /** A mod revision, 0 for an absent key; `*`: the key exists. */
  readonly ifMatch?: number | "*";
  /** Only if the key does not exist. */
  readonly ifAbsent?: boolean;
}

/** One item, named by its only member: a transaction of its own. */
export type BatchItem =
  | { readonly put: PutOperation & BatchConditions }
  | { readonly get: { readonly key: KeyBytes } }
  | { readonly delete: { readonly key: KeyBytes; readonly prev?: boolean } & BatchConditions };

/** What one item came to. */
export type BatchItemResult =
  | {
    readonly kind: "put";
    readonly revision: number;
    readonly create: number;
    readonly version: number;
    readonly prev?: KeyRecord;
  }
  | { readonly kind: "get"; readonly record: KeyRecord }
  | {
    readonly kind: "delete";
    readonly deleted: number;
    readonly revision: number;
    readonly prev?: KeyRecord;
  }
  /** What the item alone would have been refused with, an absent key of a get included. */
  | { readonly kind: "failed"; readonly error: AnswerError }
  /** A write that had to be sent again: what this item read was not kept. */
  | { readonly kind: "omitted" };

/** The result of a batch. */
export interface BatchResult {
  /**
   * In the order of the items; of a batch that had to be sent again, and was answered with more
   * than 4 KiB, there are none.
   */
  readonly items: readonly BatchItemResult[];
  /** The store's after the last item. */
  readonly revision: number;
  /** The first answer was lost, and what was read then is missing in this one. */
  readonly resultsOmitted: boolean;
}

/** The body that asks for it. */
export function batchJson(items: readonly BatchItem[]): readonly JsonObject[] {
  return items.map((item) => {
    if ("get" in item) return { get: bytesMembers("key", item.get.key) };
    if ("put" in item) return { put: { ...putJson(item.put), ...conditionsJson(item.put) } };
    const { key, prev } = item.delete;
    return { delete: { ...bytesMembers("key", key), prev, ...conditionsJson(item.delete) } };
  });
}

function conditionsJson({ ifMatch, ifAbsent }: BatchConditions): JsonObject {
  return { if_match: ifMatch, if_none_match: ifAbsent === true ? "*" : undefined };
}

/** What the answer to `items` says. */
export function batchResultOf(json: JsonObject, items: readonly BatchItem[]): BatchResult {
  return {
    items: listMember(json, "items").map((each, at) => itemResultOf(objectOf(each), items[at])),
    revision: numberMember(json, "revision"),
    resultsOmitted: json["results_omitted"] === true,
  };
}

function itemResultOf(json: JsonObject, item: BatchItem | undefined): BatchItemResult {
  if (item === undefined || json["status"] === undefined) return { kind: "omitted" };
  if (json["problem"] !== undefined) {
    const error = problemError(objectOf(json["problem"]), numberMember(json, "status"));
    return { kind: "failed", error };
  }
  if ("get" in item) return { kind: "get", record: recordOf(json) };
  const revision = numberMember(json, "revision");
  if ("delete" in item) {
    return { kind: "delete", deleted: numberMember(json, "deleted"), revision, ...prevOf(json) };
  }
  return {
    kind: "put",
    revision,
    create: numberMember(json, "create"),
    version: numberMember(json, "version"),
    ...prevOf(json),
  };
}
