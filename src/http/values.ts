/** Single keys: from options to operations, and from what the store says to answers. */

import { answerBytesMax, type KvRecord, type Put } from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import { emptyAnswer, valueAnswer } from "./answer.ts";
import {
  type AskedRead,
  conditionsOf,
  deleteFromStore,
  getFromStore,
  matches,
  preconditionFailed,
  putInStore,
  shownKey,
} from "./ask.ts";
import { readBody, refuseBody } from "./body.ts";
import type { Call } from "./call.ts";
import {
  absentTag,
  type HeldTag,
  type HeldTags,
  isHeld,
  recordFormTag,
  recordTag,
  type Tags,
} from "./etag.ts";
import { recordsAnswer } from "./json_steps.ts";
import { octetStream, recordMediaType } from "./media_type.ts";
import { keyFields, recordJson, valueFields } from "./record_json.ts";
import { keyOfPath } from "./target.ts";

/** The options of `GET /v1/kv/{key}`. */
export interface GetOptions extends AskedRead {
  readonly format?: Form;
  readonly if_match?: Tags;
  readonly if_none_match?: HeldTags;
}

type Form = HeldTag["form"];

/** The value or the record, 304, or 404. */
export async function getValue(call: Call, options: GetOptions): Promise<Response> {
  const key = keyOfPath(call.path);
  // Whatever a cache keeps of this URL depends on it, refusals included.
  call.extraHeaders["Vary"] = "Accept";
  const pinned = options.revision === undefined ? {} : { revision: options.revision };
  const query = { kind: "get", keys: [key], bytesMax: answerBytesMax, ...pinned } as const;
  const view = await getFromStore(call, query, options);
  const record = view.records[0];
  const form = options.format ?? "raw";
  call.extraHeaders["ETag"] = tagOf(record, form);
  const unmodified = judge(call, { key, record, form, options });
  if (unmodified) return emptyAnswer(call, 304);
  if (record === undefined) {
    const when = options.revision === undefined ? "" : ` at revision ${options.revision}`;
    throw new ServiceError("key_not_found", `${shownKey(key)} does not exist${when}`);
  }
  if (form === "raw") return valueAnswer(call, record.value, record.mediaType ?? octetStream);
  return await recordsAnswer(call, 200, recordJson(record), recordMediaType);
}

function tagOf(record: KvRecord | undefined, form: Form): string {
  if (record === undefined) return absentTag;
  return form === "record" ? recordFormTag(record.mod) : recordTag(record.mod);
}

/** Judges a read's conditions in the order of RFC 9110 §13.2.2; true when 304 is the answer. */
function judge(call: Call, { key, record, form, options }: {
  readonly key: Uint8Array;
  readonly record: KvRecord | undefined;
  readonly form: Form;
  readonly options: GetOptions;
}): boolean {
  const { if_match: ifMatch, if_none_match: ifNoneMatch } = options;
  if (ifMatch === undefined && ifNoneMatch === undefined) return false;
  const revision = record?.mod ?? 0;
  if (ifMatch !== undefined && !matches(ifMatch, revision)) {
    throw preconditionFailed(call, key, { ifMatch, current: record });
  }
  return ifNoneMatch !== undefined && isHeld(ifNoneMatch, { revision, form });
}

interface Conditional {
  readonly if_match?: Tags;
  readonly if_none_match?: Tags;
}

/** The options of `PUT /v1/kv/{key}`. */
export interface PutOptions extends Conditional {
  readonly content_type?: string;
  readonly prev?: boolean;
  readonly return?: "minimal" | "representation";
}

/** Stores the body: 201 where the key is new, else 200. */
export async function putValue(call: Call, options: PutOptions): Promise<Response> {
  const key = keyOfPath(call.path);
  const conditions = conditionsOf(options);
  refuseUnsupportedConditions(call);
  const bytesMax = call.services.limits.valueBytesMax;
  const value = await readBody(call, { bytesMax, code: "value_too_large" });
  const mediaType = options.content_type ?? octetStream;
  const operation: Put = {
    kind: "put",
    key,
    value,
    conditions,
    prev: options.prev ?? false,
    ...(mediaType === octetStream ? {} : { mediaType }),
  };
  const { revision, create, version, prev } = await putInStore(call, operation);
  call.extraHeaders["ETag"] = recordTag(revision);
  const representation = options.return === "representation"
    ? { ...valueFields(value), mod: revision, content_type: mediaType }
    : {};
  tellPreference(call, options);
  return await recordsAnswer(call, version === 1 ? 201 : 200, {
    ...keyFields(key),
    revision,
    create,
    version,
    ...(options.prev === true ? { prev: prev === undefined ? null : recordJson(prev) } : {}),
    ...representation,
  });
}

function tellPreference(call: Call, options: PutOptions): void {
  if (options.return === undefined || !call.request.headers.has("Prefer")) return;
  call.extraHeaders["Preference-Applied"] = `return=${options.return}`;
}

/** The options of `DELETE /v1/kv/{key}`. */
export interface DeleteOptions extends Conditional {
  readonly prev?: boolean;
}

/** Deletes the key; that there was none is no error. */
export async function deleteValue(call: Call, options: DeleteOptions): Promise<Response> {
  const key = keyOfPath(call.path);
  const conditions = conditionsOf(options);
  refuseUnsupportedConditions(call);
  await refuseBody(call);
  const prev = options.prev ?? false;
  const target = { kind: "key", key } as const;
  const result = await deleteFromStore(call, { kind: "delete", target, conditions, prev });
  const { deleted, revision } = result;
  const before = result.prev[0];
  const told = before === undefined ? null : recordJson(before);
  return await recordsAnswer(call, 200, { deleted, revision, ...(prev ? { prev: told } : {}) });
}

/** Conditions of HTTP that the store cannot judge: to ignore one would be to write without it. */
export function refuseUnsupportedConditions(call: Call): void {
  for (const header of ["If-Unmodified-Since", "Content-Range"]) {
    if (!call.request.headers.has(header)) continue;
    throw new ServiceError(
      "bad_request",
      `${header} is not supported on ${call.request.method}; conditions are If-Match and ` +
        "If-None-Match with revisions",
    );
  }
}
