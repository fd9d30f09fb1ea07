/** Changing who belongs to the cluster. */

import type {
  MembershipAnswer,
  MembershipChange,
  MembershipRequest,
  OfferedMember,
} from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import { jsonAnswer } from "./answer.ts";
import { requestOptions } from "./ask.ts";
import { refuseBody } from "./body.ts";
import type { Call } from "./call.ts";
import { memberJson } from "./cluster_json.ts";
import { configurationTag, type Tags } from "./etag.ts";
import { requireJson } from "./json_body.ts";
import { jsonMediaType, mergePatchMediaType } from "./media_type.ts";
import {
  AddMemberSchema,
  type OfferedMemberJson,
  ReplacementSchema,
  SuffrageSchema,
} from "./membership_schemas.ts";
import { memberOfPath } from "./target.ts";

/** Options of every change of members. */
export interface MembershipOptions {
  readonly if_match?: Tags;
  readonly dry_run?: boolean;
}

/** `POST /v1/cluster/members`: 201 and where it is; 200 where that data directory is a member. */
export async function addMember(call: Call, options: MembershipOptions): Promise<Response> {
  const { suffrage = "learner", ...offered } = await requireJson(call, {
    [jsonMediaType]: AddMemberSchema,
  });
  return await change(call, options, {
    kind: "add",
    member: offeredMember(offered),
    suffrage: suffrage === "read_only" ? "readOnly" : suffrage,
  });
}

/** `PATCH /v1/cluster/members/{id}`. */
export async function changeMember(call: Call, options: MembershipOptions): Promise<Response> {
  const id = memberOfPath(call.path);
  const { suffrage } = await requireJson(call, {
    [jsonMediaType]: SuffrageSchema,
    [mergePatchMediaType]: SuffrageSchema,
  });
  return await change(call, options, {
    ...{ kind: "setSuffrage", id },
    suffrage: suffrage === "read_only" ? "readOnly" : suffrage,
  });
}

/** `POST /v1/cluster/members/{id}/replacement`: 201 and where the new member is. */
export async function replaceMember(call: Call, options: MembershipOptions): Promise<Response> {
  const id = memberOfPath(call.path);
  const offered = await requireJson(call, { [jsonMediaType]: ReplacementSchema });
  return await change(call, options, { kind: "replace", id, by: offeredMember(offered) });
}

/** `DELETE /v1/cluster/members/{id}`. */
export async function removeMember(call: Call, options: MembershipOptions): Promise<Response> {
  const id = memberOfPath(call.path);
  await refuseBody(call);
  return await change(call, options, { kind: "remove", id });
}

function offeredMember(
  { id, incarnation, rpc, http, client_rpc: clientRpc }: OfferedMemberJson,
): OfferedMember {
  return {
    ...(id === undefined ? {} : { id }),
    ...(incarnation === undefined ? {} : { incarnation }),
    addresses: clientRpc === undefined ? { rpc, http } : { rpc, http, clientRpc },
  };
}

async function change(
  call: Call,
  { if_match: ifMatch, dry_run: dryRun = false }: MembershipOptions,
  wanted: MembershipChange,
): Promise<Response> {
  const { cluster, kv } = call.services;
  const request: MembershipRequest = {
    ...{ change: wanted, dryRun },
    // There always is a configuration.
    ...(ifMatch === undefined || ifMatch === "any" ? {} : { expected: ifMatch }),
  };
  // From here on nobody but the service knows what became of it.
  call.outcome = "unknown";
  try {
    const answer = await cluster.changeMembers(request, requestOptions(call));
    call.outcome = "applied";
    return changedAnswer(call, answer, dryRun);
  } catch (error) {
    tagRefusal(call, error);
    throw error;
  } finally {
    call.header = kv.header();
  }
}

function changedAnswer(call: Call, answer: MembershipAnswer, dryRun: boolean): Response {
  const { id, added, members, configuration, quorum, voters, healthyVoters } = answer;
  call.header = call.services.kv.header();
  call.extraHeaders["ETag"] = configurationTag(configuration.index);
  const isCreated = added && !dryRun;
  if (isCreated) call.extraHeaders["Location"] = `/v1/cluster/members/${id}`;
  return jsonAnswer(call, isCreated ? 201 : 200, {
    id,
    members: members.map(memberJson),
    configuration,
    ...{ quorum, voters, healthy_voters: healthyVoters },
    ...(dryRun ? { dry_run: true } : {}),
  });
}

/** Who asked for another configuration is told the tag of the one in force. */
function tagRefusal(call: Call, error: unknown): void {
  if (!(error instanceof ServiceError) || error.code !== "precondition_failed") return;
  const { configuration } = error.extra;
  if (typeof configuration !== "object" || configuration === null) return;
  if (!("index" in configuration) || typeof configuration.index !== "number") return;
  call.extraHeaders["ETag"] = configurationTag(configuration.index);
}
