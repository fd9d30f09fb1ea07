/** Asking the services on behalf of a request: what the options mean, and what refusals become. */

import { lossyText } from "../lib/bytes.ts";
import {
  type Answer,
  changesPerRevisionMax,
  type Conditions,
  type Delete,
  type GetQuery,
  type KvRecord,
  type Put,
  type Query,
  type RangeQuery,
  type ReadLevel,
  type ReadOptions,
  type RequestOptions,
  type Result,
  type Revision,
} from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import type { Call } from "./call.ts";
import { absentTag, recordTag, type Tags } from "./etag.ts";
import { contradiction } from "./options.ts";
import { currentJson } from "./record_json.ts";

/** The options of a read that say how fresh its answer must be. */
export interface AskedRead {
  readonly consistency?: ReadLevel;
  readonly min_revision?: Revision;
  readonly max_staleness?: number;
  readonly revision?: Revision;
}

/** What is left of this request for the service. */
export function requestOptions(call: Call): RequestOptions {
  return {
    timeoutMs: call.remainingMs(),
    requestId: call.requestId,
    signal: call.request.signal,
  };
}

function readOptions(call: Call, asked: AskedRead, revision: Revision | undefined): ReadOptions {
  // A view of the future is waited for: it is there once the node has applied that revision.
  const waitFor = Math.max(asked.min_revision ?? 0, revision ?? 0);
  return {
    ...requestOptions(call),
    level: asked.consistency ?? "linearizable",
    ...(waitFor === 0 ? {} : { minRevision: waitFor }),
    ...(asked.max_staleness === undefined ? {} : { maxStalenessMs: asked.max_staleness }),
  };
}

export type RecordsView = Extract<Answer, { readonly kind: "records" }>;
export type RangeView = Extract<Answer, { readonly kind: "range" }>;

/** The records of `query`; see {@link read}. */
export async function getFromStore(
  call: Call,
  query: GetQuery,
  asked: AskedRead,
): Promise<RecordsView> {
  const view = await read(call, query, asked);
  if (view.kind !== "records") throw new Error(`Answer ${view.kind} to a get`);
  return view;
}

/** One page of `query`; see {@link read}. */
export async function rangeFromStore(
  call: Call,
  query: RangeQuery,
  asked: AskedRead,
): Promise<RangeView> {
  const view = await read(call, query, asked);
  if (view.kind !== "range") throw new Error(`Answer ${view.kind} to a range`);
  return view;
}

/** The view that `query` asks for; 410 when it is gone, 504 when it has not come in time. */
async function read(
  call: Call,
  query: Query,
  asked: AskedRead,
): Promise<RecordsView | RangeView> {
  const kv = call.services.kv;
  const options = readOptions(call, asked, query.revision);
  const { answer, header } = await kv.read(query, options).catch((error) => {
    call.header = kv.header();
    throw error;
  });
  call.header = header;
  if (answer.kind === "compacted") {
    throw new ServiceError(
      "revision_compacted",
      `Revision ${query.revision} is compacted, the oldest that can be read is ${answer.oldest}`,
      { extra: { oldest: answer.oldest } },
    );
  }
  if (answer.kind === "future") {
    throw new ServiceError(
      "timeout",
      `Revision ${query.revision} is not there yet, the store is at ${answer.revision}`,
      { retryable: true },
    );
  }
  return answer;
}

type PutResult = Extract<Result, { readonly kind: "put" }>;
type DeleteResult = Extract<Result, { readonly kind: "delete" }>;

/** Stores, or throws what refused it; see {@link write}. */
export async function putInStore(call: Call, put: Put): Promise<PutResult> {
  const result = await write(call, put);
  if (result.kind !== "put") throw new Error(`Result ${result.kind} of a put`);
  return result;
}

/** Deletes, or throws what refused it; see {@link write}. */
export async function deleteFromStore(call: Call, deletion: Delete): Promise<DeleteResult> {
  const result = await write(call, deletion);
  if (result.kind !== "delete") throw new Error(`Result ${result.kind} of a delete`);
  return result;
}

/** What apply made of the write; a refusal decided there is thrown. */
async function write(call: Call, operation: Put | Delete): Promise<PutResult | DeleteResult> {
  const kv = call.services.kv;
  // From here on nobody but the service knows what became of it.
  call.outcome = "unknown";
  const { result, header } = await kv.write(operation, requestOptions(call)).catch((error) => {
    call.header = kv.header();
    throw error;
  });
  call.header = header;
  switch (result.kind) {
    case "put":
    case "delete":
      call.outcome = "applied";
      return result;
    case "conditionFailed":
      call.outcome = "not_applied";
      throw preconditionFailed(call, keyOf(operation), {
        ...operation.conditions,
        current: result.current,
      });
    case "rangeTooLarge":
      call.outcome = "not_applied";
      throw new ServiceError(
        "range_too_large",
        `The range holds more than ${changesPerRevisionMax} keys, which is what one revision ` +
          "changes at most; use limit",
      );
    case "refused":
      call.outcome = "not_applied";
      throw new ServiceError("bad_request", result.reason);
    case "none":
    case "nothing":
      throw new Error(`Result ${result.kind} of a ${operation.kind}`);
  }
}

function keyOf(operation: Put | Delete): Uint8Array {
  if (operation.kind === "put") return operation.key;
  return operation.target.kind === "key" ? operation.target.key : operation.target.start;
}
/** The tag of an absent key is 0, and `*` means any but that one. */
export function matches(tags: Tags, tag: Revision): boolean {
  return tags === "any" ? tag !== 0 : tags.includes(tag);
}

/** The refusal of a condition, with the record as it is, whose tag the answer carries. */
export function preconditionFailed(
  call: Call,
  key: Uint8Array,
  { ifMatch, ifNoneMatch, current }: Conditions & { readonly current: KvRecord | undefined },
): ServiceError {
  call.extraHeaders["ETag"] = current === undefined ? absentTag : recordTag(current.mod);
  const is = current === undefined ? "does not exist" : `is at revision ${current.mod}`;
  const failed = ifMatch !== undefined && !matches(ifMatch, current?.mod ?? 0)
    ? `If-Match wanted ${ifMatch === "any" ? "any revision" : ifMatch.join(" or ")}`
    : `If-None-Match wanted ${ifNoneMatch === "any" ? "no such key" : "another revision"}`;
  return new ServiceError("precondition_failed", `${shownKey(key)} ${is}, ${failed}`, {
    extra: { current: currentJson(current) },
  });
}

/** A key as a message to people names it. */
export function shownKey(key: Uint8Array): string {
  const text = lossyText(key.subarray(0, 200));
  return key.length > 200 ? `${text}…` : text;
}

/** The conditions of a write as the log command carries them. */
export function conditionsOf(options: {
  readonly if_match?: Tags;
  readonly if_none_match?: Tags;
}): Conditions {
  const { if_match: ifMatch, if_none_match: ifNoneMatch } = options;
  if (ifMatch === "any" && ifNoneMatch === "any") {
    throw contradiction("if_match", "If-Match: * and If-None-Match: * never hold together");
  }
  return {
    ...(ifMatch === undefined ? {} : { ifMatch }),
    ...(ifNoneMatch === undefined ? {} : { ifNoneMatch }),
  };
}
