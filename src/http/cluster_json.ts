/** The cluster as its members see it. */

import type { ClusterView, MemberPlace, MemberView, NodeId } from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import { emptyAnswer, jsonAnswer } from "./answer.ts";
import { requestOptions } from "./ask.ts";
import { readJson } from "./json_body.ts";
import type { Call } from "./call.ts";
import { configurationTag, type Tags } from "./etag.ts";
import { LeadershipRequestSchema } from "./schemas.ts";
import { memberOfPath } from "./target.ts";

type Json = Readonly<Record<string, unknown>>;

/** `GET /v1/cluster`. */
export async function clusterAnswer(call: Call): Promise<Response> {
  const view = await fullView(call);
  return jsonAnswer(call, 200, {
    cluster_id: view.clusterId,
    node_id: view.nodeId,
    term: view.term,
    leader: leaderJson(view.leader, view.members),
    members: view.members.map(memberJson),
    configuration: view.configuration,
    data_version: view.dataVersion ?? null,
  });
}

/** `GET /v1/cluster/members`. */
export async function membersAnswer(
  call: Call,
  options: { readonly if_none_match?: Tags },
): Promise<Response> {
  const view = await fullView(call);
  const { index } = view.configuration;
  call.extraHeaders["ETag"] = configurationTag(index);
  const known = options.if_none_match;
  if (known === "any" || known?.includes(index) === true) return emptyAnswer(call, 304);
  return jsonAnswer(call, 200, {
    members: view.members.map(memberJson),
    configuration: view.configuration,
  });
}

/** `GET /v1/cluster/members/{id}`. */
export async function memberAnswer(call: Call): Promise<Response> {
  const id = memberOfPath(call.path);
  const { members } = await fullView(call);
  const member = members.find((candidate) => candidate.id === id);
  if (member !== undefined) return jsonAnswer(call, 200, memberJson(member));
  throw new ServiceError("member_not_found", `Node ${id} is no member of this cluster`);
}

async function fullView(call: Call): Promise<ClusterView> {
  call.header = call.services.kv.header();
  return await call.services.cluster.fullView(requestOptions(call));
}

/** Who leads, and where; null where nobody is known to. */
export function leaderJson(id: NodeId | undefined, members: readonly MemberPlace[]): Json | null {
  if (id === undefined) return null;
  const leader = members.find((member) => member.id === id);
  return { id, http: leader?.http ?? null, rpc: leader?.rpc ?? null };
}

/** What of a member changes seldom. */
export function placeJson(member: MemberPlace): Json {
  return {
    id: member.id,
    suffrage: member.suffrage === "readOnly" ? "read_only" : member.suffrage,
    http: member.http ?? null,
    rpc: member.rpc ?? null,
    client_rpc: member.clientRpc ?? null,
  };
}

/** All that is known of a member. */
export function memberJson(member: MemberView): Json {
  const { id, suffrage, ...addresses } = placeJson(member);
  return {
    ...{ id, suffrage },
    role: member.role ?? null,
    ...addresses,
    match: member.match ?? null,
    applied: member.applied ?? null,
    lag_ms: member.lagMs ?? null,
    healthy: member.healthy ?? null,
    version: member.version ?? null,
  };
}

/** `POST /v1/cluster/leadership`: answers once the new leader leads. */
export async function transferLeadership(call: Call): Promise<Response> {
  const body = await readJson(call, { "application/json": LeadershipRequestSchema });
  call.header = call.services.kv.header();
  call.outcome = "unknown";
  const { leader } = await call.services.cluster.transferLeadership(
    body?.target,
    requestOptions(call),
  );
  call.header = call.services.kv.header();
  return jsonAnswer(call, 200, { leader });
}
