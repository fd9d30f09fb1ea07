/** What a write of one key is answered, whichever way its new value came about. */

import { omittedFields, type ResultOf } from "./ask_write.ts";
import type { Call } from "./call.ts";
import { recordTag } from "./etag.ts";
import { recordsAnswer } from "./json_steps.ts";
import { keyFields, recordJson, valueFields } from "./record_json.ts";

/** What the answer to a write may carry besides. */
export interface AnswerOptions {
  readonly prev?: boolean;
  readonly return?: "minimal" | "representation";
}

/** A write that is done. */
export interface Written {
  readonly key: Uint8Array;
  readonly done: ResultOf<"put">;
  readonly options: AnswerOptions;
  /** The new value, where the answer carries it whatever the options say. */
  readonly value?: Uint8Array | undefined;
  /** The new record beside what `done` says; what of it nobody knows is left out. */
  readonly record: WrittenRecord;
}

/** What the record holds now; of a repetition it may not be known any more. */
export interface WrittenRecord {
  readonly value?: Uint8Array | undefined;
  readonly mediaType?: string | undefined;
  readonly lease?: string | undefined;
}

/** 201 where the key is new, else 200. */
export async function writtenAnswer(call: Call, written: Written): Promise<Response> {
  const { key, done, options, value } = written;
  const { revision, create, version } = done;
  call.extraHeaders["ETag"] = recordTag(revision);
  tellPreference(call, options);
  return await recordsAnswer(call, version === 1 ? 201 : 200, {
    ...keyFields(key),
    revision,
    create,
    version,
    ...(value === undefined ? {} : valueFields(value)),
    ...(options.prev === true ? prevField(done) : {}),
    ...(options.return === "representation" ? representation(written) : {}),
    ...omittedFields(done),
  });
}

function prevField({ version, prev, omitted }: ResultOf<"put">): { readonly prev?: unknown } {
  if (prev !== undefined) return { prev: recordJson(prev) };
  // A repetition lacks it; that the write made the key is still known.
  return omitted === true && version > 1 ? {} : { prev: null };
}

function representation({ done, record }: Written): Readonly<Record<string, unknown>> {
  const { value, mediaType, lease } = record;
  return {
    ...(value === undefined ? {} : valueFields(value)),
    mod: done.revision,
    ...(lease === undefined ? {} : { lease }),
    ...(mediaType === undefined ? {} : { content_type: mediaType }),
  };
}

function tellPreference(call: Call, options: AnswerOptions): void {
  if (options.return === undefined || !call.request.headers.has("Prefer")) return;
  call.extraHeaders["Preference-Applied"] = `return=${options.return}`;
}
