/** Views of the cluster between wire (skein.cluster.v1) and the services' vocabulary. */

import type { Role, Suffrage } from "../raft/types.ts";
import type {
  Check,
  ClusterOutline,
  ClusterView,
  ConfigurationView,
  MemberView,
} from "../service/contract.ts";
import type { Wire } from "./codec.ts";
import { count, nodeId, present } from "./convert_parts.ts";
import { WireRefusal } from "./refusal.ts";

const suffrages: readonly (Suffrage | undefined)[] = [undefined, "voter", "learner", "readOnly"];
const roles: readonly (Role | undefined)[] = [
  undefined,
  "follower",
  "precandidate",
  "candidate",
  "leader",
];

/** The suffrage of a number between clients and nodes; undefined for one that is unknown. */
export function suffrageOf(number: number): Suffrage | undefined {
  return suffrages[number];
}

/** The wire shape of a member; what is not known stays absent. */
export function fromMemberView(member: MemberView): Wire["skein.cluster.v1.Node"] {
  return {
    ...member,
    suffrage: suffrages.indexOf(member.suffrage),
    role: roles.indexOf(member.role),
  };
}

/** A member as another node sees it. Throws WireRefusal. */
export function toMemberView(wire: Wire["skein.cluster.v1.Node"]): MemberView {
  const id = nodeId(wire.id, "node.id");
  const suffrage = suffrageOf(wire.suffrage);
  if (suffrage === undefined) {
    throw new WireRefusal("malformed", `suffrage of node ${id} is ${wire.suffrage}`);
  }
  return {
    id,
    suffrage,
    role: roles[wire.role],
    http: wire.http ?? undefined,
    rpc: wire.rpc ?? undefined,
    clientRpc: wire.clientRpc ?? undefined,
    match: maybeCount(wire.match, "node.match"),
    applied: maybeCount(wire.applied, "node.applied"),
    lagMs: maybeCount(wire.lagMs, "node.lag_ms"),
    healthy: wire.healthy ?? undefined,
    version: wire.version ?? undefined,
  };
}

function maybeCount(value: number | null | undefined, name: string): number | undefined {
  return value === null || value === undefined ? undefined : count(value, name);
}

/** The wire shape of a view. */
export function fromClusterView(view: ClusterView): Wire["skein.cluster.v1.ClusterView"] {
  const { members, role, ...same } = view;
  return { ...same, role: roles.indexOf(role), nodes: members.map(fromMemberView) };
}

/** What of the cluster changes seldom; the roles beside the leader's are not known. */
export function fromOutline(
  { leader, members, configuration }: ClusterOutline,
): Wire["skein.cluster.v1.WatchMembershipResponse"] {
  const nodes = members.map((member) => ({
    ...member,
    suffrage: suffrages.indexOf(member.suffrage),
    role: roles.indexOf(member.id === leader ? "leader" : undefined),
  }));
  return { nodes, leader, configuration };
}

/** The view that another node sent. Throws WireRefusal. */
export function toClusterView(wire: Wire["skein.cluster.v1.ClusterView"]): ClusterView {
  const role = roles[wire.role];
  if (role === undefined) throw new WireRefusal("malformed", `view.role is ${wire.role}`);
  return {
    clusterId: wire.clusterId,
    nodeId: nodeId(wire.nodeId, "view.node_id"),
    term: count(wire.term, "view.term"),
    role,
    leader: maybeCount(wire.leader, "view.leader"),
    leaderReady: wire.leaderReady ?? undefined,
    members: wire.nodes.map(toMemberView),
    configuration: toConfiguration(present(wire.configuration, "view.configuration")),
    commitIndex: count(wire.commitIndex, "view.commit_index"),
    applied: count(wire.applied, "view.applied"),
    lastIndex: count(wire.lastIndex, "view.last_index"),
    revision: count(wire.revision, "view.revision"),
    dataVersion: maybeCount(wire.dataVersion, "view.data_version"),
  };
}

function toConfiguration(wire: Wire["skein.cluster.v1.ConfigurationInfo"]): ConfigurationView {
  const { joint, pending } = wire;
  const index = count(wire.index, "configuration.index");
  if (pending === null || pending === undefined) return { index, joint };
  const voters = pending.voters.map((id) => nodeId(id, "pending.voters"));
  const pendingIndex = count(pending.index, "pending.index");
  return { index, joint, pending: { index: pendingIndex, joint: pending.joint, voters } };
}

/** The wire shape of one readiness check. */
export function fromCheck(check: Check): Wire["skein.cluster.v1.Check"] {
  return check;
}
