/** Writing and deleting single keys: from options to operations. */

import type { Put } from "../service/contract.ts";
import { omittedFields, type ResultOf, writeAs } from "./ask_write.ts";
import { readBody, refuseBody } from "./body.ts";
import type { Call } from "./call.ts";
import { recordsAnswer } from "./json_steps.ts";
import { octetStream } from "./media_type.ts";
import { contradiction } from "./options.ts";
import { type Conditional, conditionsOf, refuseUnsupportedConditions } from "./precondition.ts";
import { recordJson } from "./record_json.ts";
import { keyOfPath } from "./target.ts";
import { type AnswerOptions, writtenAnswer } from "./write_answer.ts";

/** The options of `PUT /v1/kv/{key}`. */
export interface PutOptions extends Conditional, AnswerOptions {
  readonly content_type?: string;
  readonly ttl?: number;
  readonly lease?: string;
}

/** Stores the body: 201 where the key is new, else 200. */
export async function putValue(call: Call, options: PutOptions): Promise<Response> {
  const key = keyOfPath(call.path);
  const conditions = conditionsOf(options);
  const { ttl, lease } = options;
  if (ttl !== undefined && lease !== undefined) {
    throw contradiction("ttl", "ttl is given together with lease");
  }
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
    ...(lease === undefined ? {} : { lease }),
    ...(ttl === undefined ? {} : { ttlMs: ttl }),
  };
  const done = await writeAs("put", call, operation);
  const record = { value, mediaType, lease: lease ?? done.lease };
  return await writtenAnswer(call, { key, done, options, record });
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
  const done = await writeAs("delete", call, { kind: "delete", target, conditions, prev });
  return await recordsAnswer(call, 200, {
    deleted: done.deleted,
    revision: done.revision,
    ...(prev ? deletedField(done) : {}),
    ...omittedFields(done),
  });
}

function deletedField({ deleted, prev: [before], omitted }: ResultOf<"delete">): {
  readonly prev?: unknown;
} {
  if (before !== undefined) return { prev: recordJson(before) };
  return omitted === true && deleted > 0 ? {} : { prev: null };
}
