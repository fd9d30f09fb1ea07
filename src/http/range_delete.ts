/** `DELETE /v1/kv`: many keys at once, guarded against the slip that would take all of them. */

import { deleteFromStore } from "./ask.ts";
import { refuseBody } from "./body.ts";
import type { Call } from "./call.ts";
import { recordsAnswer } from "./json_steps.ts";
import { rangeOf, type RangeOptions } from "./listing.ts";
import { contradiction, validationFailed } from "./options.ts";
import { recordJson } from "./record_json.ts";
import { refuseUnsupportedConditions } from "./values.ts";

/** The options of `DELETE /v1/kv`. */
export interface DeleteRangeOptions extends RangeOptions {
  readonly all?: boolean;
  readonly limit?: number;
  readonly prev?: boolean;
}

/** Deletes the keys of the range in one revision. */
export async function deleteRange(call: Call, options: DeleteRangeOptions): Promise<Response> {
  const target = rangeOf(options);
  guard(options, target.start.length === 0 && target.end === undefined);
  refuseUnsupportedConditions(call);
  await refuseBody(call);
  const { deleted, revision, more, prev } = await deleteFromStore(call, {
    kind: "delete",
    target,
    conditions: {},
    prev: options.prev ?? false,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  });
  return await recordsAnswer(call, 200, {
    deleted,
    revision,
    ...(options.limit === undefined ? {} : { more }),
    ...(options.prev === true ? { prev: prev.map((record) => recordJson(record)) } : {}),
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
