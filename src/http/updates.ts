/** Writes whose new value follows from the old one: counters, appending, merge patches. */

import { z } from "@hono/zod-openapi";
import type { Operation } from "../service/contract.ts";
import { type ResultOf, writeAs } from "./ask_write.ts";
import { readBody } from "./body.ts";
import { BodyReader } from "./body_reader.ts";
import type { Call } from "./call.ts";
import { isInt64 } from "./int64.ts";
import { requireJson, takeMediaType } from "./json_body.ts";
import { shown } from "./json_path.ts";
import { jsonMediaType, mergePatchMediaType, octetStream } from "./media_type.ts";
import { type Conditional, conditionsOf, refuseUnsupportedConditions } from "./precondition.ts";
import { valueMembers } from "./request_members.ts";
import { keyOfPath } from "./target.ts";
import { type AnswerOptions, writtenAnswer, type WrittenRecord } from "./write_answer.ts";

/** The longest merge patch, and the longest document that takes one (kv/merge_patch.ts). */
export const mergePatchBytesMax = 1024 * 1024;

type Merge = Extract<Operation, { readonly kind: "merge" }>;
type Update = Extract<Operation, { readonly kind: "update" }>;
type ValueChange = Update["change"];

/** The options of `PATCH` and `POST /v1/kv/{key}`. */
export interface UpdateOptions extends Conditional, AnswerOptions {}

/** Patches a JSON document (RFC 7396): 201 where the key is new, else 200. */
export async function mergeValue(call: Call, options: UpdateOptions): Promise<Response> {
  const key = keyOfPath(call.path);
  const conditions = conditionsOf(options);
  refuseUnsupportedConditions(call);
  takeMediaType(call, [mergePatchMediaType]);
  const patch = await readBody(call, { bytesMax: mergePatchBytesMax, code: "request_too_large" });
  const merge: Merge = { kind: "merge", key, patch, conditions, ...wishes(options) };
  const done = await writeAs("put", call, merge);
  const record = recordNow(done, jsonMediaType);
  return await writtenAnswer(call, { key, done, options, record });
}

const operations = ["add", "min", "max", "append"] as const;

/** How the value is to be changed, checked member by member. */
export interface ChangeJson {
  readonly op: typeof operations[number];
  readonly value?: string | number | undefined;
  readonly value64?: string | undefined;
}

const textOrInteger = "allowed are an integer, as text above 2^53 - 1, and a text to append";
const maxSafe = Number.MAX_SAFE_INTEGER;

export const ChangeSchema: z.ZodType<ChangeJson> = z.strictObject({
  op: z.enum(operations).openapi({
    description: "`add`, `min` and `max` count, on a signed 64-bit integer in decimal; `append` " +
      "adds bytes.",
    example: "add",
  }),
  value: z.union([z.string(), z.int({ error: textOrInteger })], { error: textOrInteger }).optional()
    .openapi({
      anyOf: [
        { type: "string" },
        { type: "integer", format: "int64", minimum: -maxSafe, maximum: maxSafe },
      ],
      description: "To count with: an integer, as a JSON number or, up to 64 bits, as text. To " +
        "append: text.",
      example: 1,
    }),
  value64: valueMembers.value64.openapi({ description: "To append: bytes in base64url." }),
}).openapi("Change");

/** Counts or appends: 201 where the key is new, else 200. */
export async function applyOp(call: Call, options: UpdateOptions): Promise<Response> {
  const key = keyOfPath(call.path);
  const conditions = conditionsOf(options);
  refuseUnsupportedConditions(call);
  const json = await requireJson(call, { [jsonMediaType]: ChangeSchema });
  const reader = new BodyReader(call.services.limits);
  const change = changeOf(json, reader);
  reader.finish();
  const asked = { ...wishes(options), ...(change.kind === "append" ? {} : { returnValue: true }) };
  const update: Update = { kind: "update", key, change, conditions, ...asked };
  const done = await writeAs("put", call, update);
  const value = change.kind === "append" ? {} : { value: done.value };
  const record = recordNow(done, octetStream);
  return await writtenAnswer(call, { key, done, options, ...value, record });
}

function changeOf({ op, value, value64 }: ChangeJson, reader: BodyReader): ValueChange {
  if (op === "append") {
    if (typeof value === "number") {
      reader.refuse("value", `value is ${value}, allowed is a text for op append`);
    }
    const text = value === undefined ? {} : { value: String(value) };
    return { kind: "append", bytes: reader.value({ ...text, value64 }, "") };
  }
  if (value64 !== undefined) reader.refuse("value64", `value64 is given, op ${op} takes value`);
  const operand = String(value);
  if (!isInt64(operand)) {
    const is = value === undefined ? "is missing" : `is ${shown(value)}`;
    const allowed = "allowed is a signed 64-bit integer, as text above 2^53 - 1,";
    reader.refuse("value", `value ${is}, ${allowed} for op ${op}`);
  }
  return { kind: op, operand };
}

/** The media type and the lease of a new record are those of the one before. */
function wishes(options: UpdateOptions): Pick<Update, "prev" | "returnValue"> {
  const returnValue = options.return === "representation";
  return { prev: returnValue || options.prev === true, returnValue };
}

/** `mediaType`: of a key that this write has made. */
function recordNow(
  { value, version, prev }: ResultOf<"put">,
  mediaType: string,
): WrittenRecord {
  if (prev !== undefined) {
    return { value, mediaType: prev.mediaType ?? octetStream, lease: prev.lease };
  }
  return version === 1 ? { value, mediaType } : { value };
}
