/** The calls of RaftClusterService that change the members. */

import type { Suffrage } from "../raft/types.ts";
import type {
  ClusterService,
  MembershipChange,
  MembershipRequest,
  OfferedMember,
} from "../service/contract.ts";
import { type Issue, ServiceError } from "../service/errors.ts";
import {
  httpAddressAllowed,
  incarnationAllowed,
  isHttpAddress,
  isIncarnation,
  isRpcAddress,
  rpcAddressAllowed,
} from "../service/offered_member.ts";
import { type CallContext, type OfferedMethod, offerUnary } from "./call.ts";
import { answering } from "./cluster_answers.ts";
import { method, type Wire } from "./codec.ts";
import { suffrageOf } from "./convert_cluster.ts";
import { fromMembershipAnswer } from "./convert_membership.ts";

const service = "skein.cluster.v1.RaftClusterService";

/** AddNode, RemoveNode, PromoteNode, ChangeSuffrage and ReplaceNode over `cluster`. */
export function membershipMethods(cluster: ClusterService): readonly OfferedMethod[] {
  const changing = (call: CallContext, request: () => MembershipRequest) =>
    answering(
      call,
      async (options) => fromMembershipAnswer(await cluster.changeMembers(request(), options)),
    );
  return [
    offerUnary(method(service, "AddNode"), (wire, call) =>
      changing(call, () => {
        const change: MembershipChange = {
          kind: "add",
          member: offeredMember(wire),
          suffrage: addedSuffrage(wire.suffrage),
        };
        return { change, ...conditionsOf(wire) };
      })),
    offerUnary(
      method(service, "RemoveNode"),
      (wire, call) =>
        changing(
          call,
          () => ({ change: { kind: "remove", id: nodeOf(wire.id) }, ...conditionsOf(wire) }),
        ),
    ),
    offerUnary(method(service, "PromoteNode"), (wire, call) =>
      changing(call, () => {
        const change = { kind: "setSuffrage", id: nodeOf(wire.id), suffrage: "voter" } as const;
        return { change, ...conditionsOf(wire) };
      })),
    offerUnary(method(service, "ChangeSuffrage"), (wire, call) =>
      changing(call, () => {
        const suffrage = askedSuffrage(wire.suffrage);
        const change = { kind: "setSuffrage", id: nodeOf(wire.id), suffrage } as const;
        return { change, ...conditionsOf(wire) };
      })),
    offerUnary(method(service, "ReplaceNode"), (wire, call) =>
      changing(call, () => {
        const { replacement } = wire;
        if (replacement === null || replacement === undefined) {
          throw invalid([{ path: "replacement", message: "replacement is missing" }]);
        }
        if (replacement.suffrage !== 0) {
          const message = "replacement.suffrage is set; it is that of the replaced node";
          throw invalid([{ path: "replacement.suffrage", message }]);
        }
        const by = offeredMember(replacement);
        return {
          change: { kind: "replace", id: nodeOf(wire.id), by },
          ...conditionsOf(replacement),
        };
      })),
  ];
}

function conditionsOf({ expectedConfiguration, dryRun }: {
  readonly expectedConfiguration?: number | null | undefined;
  readonly dryRun: boolean;
}): Pick<MembershipRequest, "expected" | "dryRun"> {
  return expectedConfiguration === null || expectedConfiguration === undefined
    ? { dryRun }
    : { expected: [expectedConfiguration], dryRun };
}

/** Throws ServiceError where a field of that name holds no id. */
export function nodeOf(id: number, path = "id"): number {
  if (id > 0) return id;
  throw invalid([{ path, message: `${path} is 0, allowed is the id of a member` }]);
}

function addedSuffrage(number: number): "learner" | "readOnly" {
  if (number === 0 || number === 2) return "learner";
  if (number === 3) return "readOnly";
  const message = `suffrage is ${number}, allowed are SUFFRAGE_LEARNER and SUFFRAGE_READ_ONLY`;
  throw invalid([{ path: "suffrage", message }]);
}

function askedSuffrage(number: number): Suffrage {
  const suffrage = suffrageOf(number);
  if (suffrage !== undefined) return suffrage;
  const message = `suffrage is ${number}, allowed are SUFFRAGE_VOTER, SUFFRAGE_LEARNER and ` +
    "SUFFRAGE_READ_ONLY";
  throw invalid([{ path: "suffrage", message }]);
}

function offeredMember(wire: Wire["skein.cluster.v1.AddNodeRequest"]): OfferedMember {
  const { id, incarnation, rpc, http } = wire;
  const clientRpc = wire.clientRpc ?? undefined;
  const issues: Issue[] = [];
  const check = (path: string, value: string, is: (text: string) => boolean, allowed: string) => {
    if (is(value)) return;
    issues.push({ path, message: `${path} is ${JSON.stringify(value.slice(0, 100))}, ${allowed}` });
  };
  check("rpc", rpc, isRpcAddress, rpcAddressAllowed);
  check("http", http, isHttpAddress, httpAddressAllowed);
  if (clientRpc !== undefined) check("client_rpc", clientRpc, isRpcAddress, rpcAddressAllowed);
  if (incarnation !== "") check("incarnation", incarnation, isIncarnation, incarnationAllowed);
  if (id === 0) issues.push({ path: "id", message: "id is 0, allowed is 1 … 2^32 - 1" });
  if (issues.length > 0) throw invalid(issues);
  return {
    ...(id === null || id === undefined ? {} : { id }),
    ...(incarnation === "" ? {} : { incarnation }),
    addresses: clientRpc === undefined ? { rpc, http } : { rpc, http, clientRpc },
  };
}

function invalid(issues: readonly Issue[]): ServiceError {
  const detail = issues.map(({ message }) => message).join(" · ");
  return new ServiceError("validation_failed", detail, { outcome: "not_applied", issues });
}
