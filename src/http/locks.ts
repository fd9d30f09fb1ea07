/** Locks: taken, seen and released. */

import { utf8 } from "../lib/bytes.ts";
import { jsonAnswer } from "./answer.ts";
import { type AskedRead, readAs } from "./ask.ts";
import { omittedFields, writeAs } from "./ask_write.ts";
import { refuseBody } from "./body.ts";
import type { Call } from "./call.ts";
import {
  contend,
  lifeOf,
  nameFields,
  nobodyHolds,
  notHolder,
  requireToken,
  type TokenOptions,
  wordsField,
} from "./contests.ts";
import { recordTag } from "./etag.ts";
import { requireJson } from "./json_body.ts";
import { LockRequestSchema } from "./lock_schemas.ts";
import { jsonMediaType } from "./media_type.ts";
import { nameOfPath } from "./target.ts";

/** The options of `POST` for locks and elections. */
export interface ContendOptions {
  readonly wait?: number;
}

/** `POST /v1/locks/{name}`: 200 to who holds it, else 423; with `wait` when the time is up. */
export async function acquireLock(call: Call, { wait }: ContendOptions): Promise<Response> {
  const name = nameOfPath(call.path);
  const { owner = "", ...life } = await requireJson(call, { [jsonMediaType]: LockRequestSchema });
  const value = utf8(owner);
  const done = await contend(call, { area: "lock", name, value, ...lifeOf(life) }, wait);
  const { token, lease } = done.own;
  call.extraHeaders["ETag"] = recordTag(token);
  return jsonAnswer(call, 200, {
    ...nameFields(name),
    token,
    lease,
    ...wordsField("lock", value),
    revision: done.revision,
    ...omittedFields(done),
  });
}

/** `GET /v1/locks/{name}`: who holds it, 404 where nobody does. */
export async function getLock(call: Call, options: AskedRead): Promise<Response> {
  const name = nameOfPath(call.path);
  const query = { kind: "contest", area: "lock", name, counts: true } as const;
  const view = await readAs("contest", call, query, options);
  if (view.holder === undefined) throw nobodyHolds({ area: "lock", name });
  const { token, lease, value } = view.holder;
  call.extraHeaders["ETag"] = recordTag(token);
  return jsonAnswer(call, 200, {
    ...nameFields(name),
    token,
    lease,
    ...wordsField("lock", value),
    waiting: (view.contestants ?? 1) - 1,
    revision: view.revision,
  });
}

/** `DELETE /v1/locks/{name}`: the holder gives it up, and who waits gives up that. */
export async function releaseLock(call: Call, options: TokenOptions): Promise<Response> {
  const name = nameOfPath(call.path);
  const token = requireToken(options);
  await refuseBody(call);
  const contested = { area: "lock", name, token } as const;
  const done = await writeAs("contest", call, { kind: "leave", ...contested, onlyWaiting: false });
  if (!done.hasLeft || done.own === undefined) throw notHolder(call, contested, done.holder);
  const { lease } = done.own;
  return jsonAnswer(call, 200, {
    ...nameFields(name),
    token,
    lease,
    revision: done.revision,
    ...omittedFields(done),
  });
}
