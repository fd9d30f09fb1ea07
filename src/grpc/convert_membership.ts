/** Changes of members, as one node hands them to another, between wire and vocabulary. */

import { unreachable } from "../lib/assert.ts";
import type {
  MembershipAnswer,
  MembershipChange,
  MembershipRequest,
  OfferedMember,
} from "../service/contract.ts";
import type { ForwardBody } from "../service/forwarder.ts";
import type { Wire } from "./codec.ts";
import { fromMemberView, toMemberView } from "./convert_cluster.ts";
import {
  count,
  incarnation,
  nodeId,
  present,
  suffrageNumber,
  suffrageOf,
  toAddresses,
} from "./convert_parts.ts";
import { WireRefusal } from "./refusal.ts";

type ForwardedMembership = Extract<ForwardBody, { readonly kind: "changeMembers" }>;
type WireMembership = Wire["skein.raft.v1.ForwardedMembership"];
type WireChange = Pick<WireMembership, "change" | "add" | "setSuffrage" | "replace" | "remove">;

/** The wire shape of a change of members. */
export function fromForwardedMembership(
  { request: { change, expected = [], dryRun }, again }: ForwardedMembership,
): WireMembership {
  return { ...fromChange(change), expected, dryRun, again };
}

function fromChange(change: MembershipChange): WireChange {
  switch (change.kind) {
    case "add": {
      const { member, suffrage } = change;
      return { add: { member, suffrage: suffrageNumber(suffrage) } };
    }
    case "setSuffrage": {
      const { id, suffrage } = change;
      return { setSuffrage: { id, suffrage: suffrageNumber(suffrage) } };
    }
    case "replace":
      return { replace: { id: change.id, by: change.by } };
    case "remove":
      return { remove: { id: change.id } };
    default:
      return unreachable(change);
  }
}

/** The change of members that another node sent. Throws WireRefusal. */
export function toForwardedMembership(wire: WireMembership): ForwardedMembership {
  const expected = wire.expected.map((index) => count(index, "expected"));
  const request: MembershipRequest = {
    change: toChange(wire),
    ...(expected.length === 0 ? {} : { expected }),
    dryRun: wire.dryRun,
  };
  return { kind: "changeMembers", request, again: wire.again };
}

function toChange(wire: WireChange): MembershipChange {
  switch (wire.change) {
    case "add": {
      const { member, suffrage } = present(wire.add, "add");
      const wanted = suffrageOf(suffrage);
      if (wanted === undefined || wanted === "voter") {
        throw new WireRefusal("malformed", `add.suffrage is ${suffrage}`);
      }
      const offered = toOfferedMember(present(member, "add.member"));
      return { kind: "add", member: offered, suffrage: wanted };
    }
    case "setSuffrage": {
      const { id, suffrage } = present(wire.setSuffrage, "set_suffrage");
      const wanted = suffrageOf(suffrage);
      if (wanted === undefined) {
        throw new WireRefusal("malformed", `set_suffrage.suffrage is ${suffrage}`);
      }
      return { kind: "setSuffrage", id: nodeId(id, "set_suffrage.id"), suffrage: wanted };
    }
    case "replace": {
      const { id, by } = present(wire.replace, "replace");
      const offered = toOfferedMember(present(by, "replace.by"));
      return { kind: "replace", id: nodeId(id, "replace.id"), by: offered };
    }
    default:
      return { kind: "remove", id: nodeId(present(wire.remove, "change").id, "remove.id") };
  }
}

function toOfferedMember(wire: Wire["skein.raft.v1.OfferedMember"]): OfferedMember {
  const { id, incarnation: known } = wire;
  return {
    ...(id === null || id === undefined ? {} : { id: nodeId(id, "member.id") }),
    ...(known === null || known === undefined ? {} : { incarnation: incarnation(known) }),
    addresses: toAddresses(present(wire.addresses, "member.addresses")),
  };
}

type WireAnswer = Wire["skein.cluster.v1.MembershipResponse"];

/** The wire shape of what the members are, or would be. */
export function fromMembershipAnswer(answer: MembershipAnswer): WireAnswer {
  const { members, ...same } = answer;
  return { ...same, nodes: members.map(fromMemberView) };
}

/** What another node says of the members. Throws WireRefusal. */
export function toMembershipAnswer(wire: WireAnswer): MembershipAnswer {
  const { index, joint } = present(wire.configuration, "members_changed.configuration");
  return {
    id: nodeId(wire.id, "members_changed.id"),
    added: wire.added,
    members: wire.nodes.map(toMemberView),
    configuration: { index: count(index, "configuration.index"), joint },
    quorum: wire.quorum,
    voters: wire.voters,
    healthyVoters: wire.healthyVoters,
  };
}
