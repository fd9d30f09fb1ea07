/** `DELETE /v1/kv`: many keys at once, guarded against the slip that would take all of them. */

import { omittedFields, writeAs } from "./ask_write.ts";
import { refuseBody } from "./body.ts";
import type { Call } from "./call.ts";
import { recordsAnswer } from "./json_steps.ts";
import { askedRange } from "./listing.ts";
import { contradiction, validationFailed } from "./options.ts";
import { refuseUnsupportedConditions } from "./precondition.ts";
import { isEverything, type RangeOptions } from "./ranges.ts";
import { recordJson } from "./record_json.ts";

/** The options of `DELETE /v1/kv`. */
export interface DeleteRangeOptions extends RangeOptions {
  readonly all?: boolean;
  readonly limit?: number;
  readonly prev?: boolean;
}

/** Deletes the keys of the range in one revision. */
export async function deleteRange(call: Call, options: DeleteRangeOptions): Promise<Response> {
  const target = askedRange(options);
  guard(options, isEverything(target));
  refuseUnsupportedConditions(call);
  await refuseBody(call);
  const done = await writeAs("delete", call, {
    kind: "delete",
    target,
    conditions: {},
    prev: options.prev ?? false,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  });
  const { deleted, revision, more, prev } = done;
  const isTold = options.prev === true && done.omitted !== true;
  return await recordsAnswer(call, 200, {
    deleted,
    revision,
    ...(options.limit === undefined ? {} : { more }),
    ...(isTold ? { prev: prev.map((record) => recordJson(record)) } : {}),
    ...omittedFields(done),
  });
}

function guard(options: DeleteRangeOptions, everything: boolean): void {
  if (everything && options.all !== true) {
    throw validationFailed([{
      path: "prefix",
      message: "This would delete every key: name a prefix, a start or an end, or say all=true",
    }]);
  }
  if (!everything && options.all === true) {
    throw contradiction("all", "all=true is given together with prefix, start or end");
  }
}
