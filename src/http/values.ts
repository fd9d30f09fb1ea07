/** Reading single keys: from options to queries, and from what the store says to answers. */

import { answerBytesMax, type KvRecord } from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import { emptyAnswer, valueAnswer } from "./answer.ts";
import { type AskedRead, getFromStore } from "./ask.ts";
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
import { currentTag, matches, preconditionFailed, shownKey } from "./precondition.ts";
import { recordJson } from "./record_json.ts";
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
    call.extraHeaders["ETag"] = currentTag(record);
    throw preconditionFailed({ key, conditions: { ifMatch }, current: record });
  }
  return ifNoneMatch !== undefined && isHeld(ifNoneMatch, { revision, form });
}
