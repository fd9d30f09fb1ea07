/** Elections: to campaign, to see who leads, to say something as leader, to resign. */

import { emptyBytes } from "../lib/bytes.ts";
import { electionValueBytesMax } from "../service/contract.ts";
import { jsonAnswer } from "./answer.ts";
import { type AskedRead, readAs } from "./ask.ts";
import { omittedFields, type ResultOf, writeAs } from "./ask_write.ts";
import { refuseBody } from "./body.ts";
import { BodyReader } from "./body_reader.ts";
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
import { CampaignSchema, ProclamationSchema } from "./election_schemas.ts";
import { requireJson } from "./json_body.ts";
import type { ContendOptions } from "./locks.ts";
import { jsonMediaType } from "./media_type.ts";
import type { ValueJson } from "./request_members.ts";
import { nameOfPath } from "./target.ts";

const area = "election";

/** `POST /v1/elections/{name}`: 200 to who leads, else 423; with `wait` when the time is up. */
export async function campaign(call: Call, { wait }: ContendOptions): Promise<Response> {
  const name = nameOfPath(call.path);
  const json = await requireJson(call, { [jsonMediaType]: CampaignSchema });
  const { value: text, value64, ...life } = json;
  const isSilent = text === undefined && value64 === undefined;
  const value = isSilent ? emptyBytes : valueOf({ value: text, value64 });
  const done = await contend(call, { area, name, value, ...lifeOf(life) }, wait);
  return answered(call, name, done);
}

/** `GET /v1/elections/{name}`: who leads, 404 where nobody does. */
export async function getLeader(call: Call, options: AskedRead): Promise<Response> {
  const name = nameOfPath(call.path);
  const query = { kind: "contest", area, name, counts: true } as const;
  const view = await readAs("contest", call, query, options);
  if (view.holder === undefined) throw nobodyHolds({ area, name });
  const { token, lease, value, mod } = view.holder;
  return jsonAnswer(call, 200, {
    ...nameFields(name),
    token,
    lease,
    ...wordsField(area, value),
    mod,
    waiting: (view.contestants ?? 1) - 1,
    revision: view.revision,
  });
}

/** `PUT /v1/elections/{name}`: the leader says something else. */
export async function proclaim(call: Call, options: TokenOptions): Promise<Response> {
  const name = nameOfPath(call.path);
  const token = requireToken(options);
  const json = await requireJson(call, { [jsonMediaType]: ProclamationSchema });
  const value = valueOf(json);
  const done = await writeAs("contest", call, { kind: "proclaim", name, token, value });
  if (done.own === undefined || done.before > 0) {
    throw notHolder(call, { area, name, token }, done.holder);
  }
  return answered(call, name, { ...done, own: done.own });
}

/** `DELETE /v1/elections/{name}`: the leader resigns, and who waits gives up that. */
export async function resign(call: Call, options: TokenOptions): Promise<Response> {
  const name = nameOfPath(call.path);
  const token = requireToken(options);
  await refuseBody(call);
  const contested = { area, name, token } as const;
  const done = await writeAs("contest", call, { kind: "leave", ...contested, onlyWaiting: false });
  if (!done.hasLeft || done.own === undefined) throw notHolder(call, contested, done.holder);
  return answered(call, name, { ...done, own: done.own });
}

function valueOf(json: ValueJson): Uint8Array {
  const reader = new BodyReader({ valueBytesMax: electionValueBytesMax });
  const value = reader.value(json, "");
  reader.finish();
  return value;
}

type Done = ResultOf<"contest"> & Required<Pick<ResultOf<"contest">, "own">>;

function answered(call: Call, name: Uint8Array, done: Done): Response {
  const { own: { token, lease }, revision } = done;
  const answer = { ...nameFields(name), token, lease, revision, ...omittedFields(done) };
  return jsonAnswer(call, 200, answer);
}
