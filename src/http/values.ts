/** Reading single keys: from options to queries, and from what the store says to answers. */

import { answerBytesMax, type KvRecord, type Revision } from "../service/contract.ts";
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
import { ChangeWait, refuseWithPast } from "./long_poll.ts";
import { octetStream, recordMediaType } from "./media_type.ts";
import { currentTag, matches, preconditionFailed, shownKey } from "./precondition.ts";
import { recordJson } from "./record_json.ts";
import { keyOfPath } from "./target.ts";

/** The options of `GET /v1/kv/{key}`. */
export interface GetOptions extends AskedRead {
  readonly wait?: number;
  readonly format?: Form;
  readonly if_match?: Tags;
  readonly if_none_match?: HeldTags;
}

type Form = HeldTag["form"];

/** The value or the record, 304, or 404; with `wait` those two only when nothing happens. */
export async function getValue(call: Call, options: GetOptions): Promise<Response> {
  const key = keyOfPath(call.path);
  if (options.wait !== undefined) refuseWithPast(options);
  const first = await look(call, key, options);
  if (options.wait === undefined || first.isNews) return first.answer();
  const after = first.revision;
  const changes = await ChangeWait.open(call, { target: { kind: "key", key }, after });
  if (changes === undefined) return (await look(call, key, options)).answer();
  const { clock } = call.services;
  const endMs = clock.monotonicMs() + options.wait;
  try {
    for (;;) {
      const hasChanged = await changes.within(endMs - clock.monotonicMs());
      const seen = await look(call, key, options);
      if (seen.isNews || !hasChanged) return await seen.answer();
    }
  } finally {
    changes.close();
  }
}

/** What a read has found. */
interface Seen {
  readonly revision: Revision;
  /** It is something that the client does not know. */
  readonly isNews: boolean;
  /** Throws where the answer is a refusal. */
  readonly answer: () => Promise<Response> | Response;
}

async function look(call: Call, key: Uint8Array, options: GetOptions): Promise<Seen> {
  // Whatever a cache keeps of this URL depends on it, refusals included.
  call.extraHeaders["Vary"] = "Accept";
  const pinned = options.revision === undefined ? {} : { revision: options.revision };
  const query = { kind: "get", keys: [key], bytesMax: answerBytesMax, ...pinned } as const;
  const view = await getFromStore(call, query, options);
  const record = view.records[0];
  const form = options.format ?? "raw";
  call.extraHeaders["ETag"] = tagOf(record, form);
  const { revision } = view;
  if (judge(call, { key, record, form, options })) {
    return { revision, isNews: false, answer: () => emptyAnswer(call, 304) };
  }
  if (record !== undefined) {
    return { revision, isNews: true, answer: () => recordAnswer(call, record, form) };
  }
  const answer = (): never => {
    const when = options.revision === undefined ? "" : ` at revision ${options.revision}`;
    throw new ServiceError("key_not_found", `${shownKey(key)} does not exist${when}`);
  };
  // Whoever has seen the key wants to know that it is gone; who has not waits for it.
  return { revision, isNews: options.if_none_match !== undefined, answer };
}

function recordAnswer(
  call: Call,
  record: KvRecord,
  form: Form,
): Promise<Response> | Response {
  if (form === "raw") return valueAnswer(call, record.value, record.mediaType ?? octetStream);
  return recordsAnswer(call, 200, recordJson(record), recordMediaType);
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
