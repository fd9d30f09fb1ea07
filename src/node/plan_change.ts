/**
 * What has to be done to a configuration so that it becomes what somebody wants: the next step, or
 * why there is none. A plan is made anew after each step, so that a wish that was interrupted, or
 * asked for twice, goes on where it stands: a node that is to be added is known by its incarnation,
 * and what is there already is done.
 *
 * Not decided here: whether the voters that are left are alive (judge_change.ts).
 */

import { isOnLoopback } from "../lib/host_port.ts";
import { memberOf, votersOf, wasRemoved } from "../raft/configuration.ts";
import type { Configuration, Member, MemberAddresses, NodeId, Suffrage } from "../raft/types.ts";
import type { CatchUp } from "./judge_change.ts";

/** Members of one configuration: each is sent heartbeats and entries by the leader. */
export const membersMax = 64;

const nodeIdMax = 2 ** 32 - 1;

/** A node that is to belong to the cluster. */
export interface NewMember {
  /** The next free one when absent. */
  readonly id?: NodeId;
  readonly incarnation: string;
  readonly addresses: MemberAddresses;
}

/** What the members are to become; `Node` says how a node that comes is described. */
export type MemberChange<Node> =
  | {
    readonly kind: "add";
    readonly member: Node;
    readonly suffrage: Exclude<Suffrage, "voter">;
  }
  | { readonly kind: "setSuffrage"; readonly id: NodeId; readonly suffrage: Suffrage }
  /** `by` takes the place of `id`: it votes where that one did. */
  | { readonly kind: "replace"; readonly id: NodeId; readonly by: Node }
  | { readonly kind: "remove"; readonly id: NodeId };

/** A change of which everything is known. */
export type WantedChange = MemberChange<NewMember>;

/** Why something cannot become so. */
export interface ChangeRefusal {
  readonly reason: "notMember" | "conflict" | "lastVoter";
  /** For people. */
  readonly detail: string;
  /** It may become possible by itself. */
  readonly mayPass: boolean;
}

export type ChangePlan =
  /** So it is already. */
  | { readonly kind: "done"; readonly id: NodeId }
  /** `members` are to be the next configuration, and `goal` the last one. */
  | {
    readonly kind: "step";
    readonly id: NodeId;
    readonly members: readonly Member[];
    readonly goal: readonly Member[];
  }
  /** The next step has to wait until this node has caught up. */
  | {
    readonly kind: "catchUp";
    readonly id: NodeId;
    readonly catchUp: CatchUp;
    readonly goal: readonly Member[];
  }
  | { readonly kind: "refused"; readonly refusal: ChangeRefusal };

/** What a leader knows of the members besides their configuration. */
export interface KnownOfMembers {
  readonly catchUpOf: (id: NodeId) => CatchUp;
  /** Where a member said it can be reached, before that is written down. */
  readonly addressesOf: (id: NodeId) => MemberAddresses | undefined;
}

/** The next step from `present`, which is committed and not joint. */
export function planChange(
  present: Configuration,
  wanted: WantedChange,
  known: KnownOfMembers,
): ChangePlan {
  switch (wanted.kind) {
    case "add":
      return planAddition(present, wanted, known);
    case "setSuffrage":
      return planSuffrage(present, wanted, known);
    case "replace":
      return planReplacement(present, wanted, known);
    case "remove":
      return planRemoval(present, wanted.id);
  }
}

type Wanted<Kind extends WantedChange["kind"]> = Extract<WantedChange, { readonly kind: Kind }>;

function planAddition(
  present: Configuration,
  { member, suffrage }: Wanted<"add">,
  { addressesOf }: KnownOfMembers,
): ChangePlan {
  const known = knownAs(present, member);
  if (known !== undefined) return known;
  const added = newMember(present, member, { suffrage, addressesOf });
  if (added.kind === "refused") return added;
  const members = [...present.members, added.member];
  return { kind: "step", id: added.member.id, members, goal: members };
}

function planSuffrage(
  present: Configuration,
  { id, suffrage }: Wanted<"setSuffrage">,
  { catchUpOf }: KnownOfMembers,
): ChangePlan {
  const member = memberOf(present, id);
  if (member === undefined) return notMember(present, id);
  if (member.suffrage === suffrage) return { kind: "done", id };
  if (suffrage === "voter") {
    if (member.suffrage === "readOnly") return refused(readOnlyStays(id));
    const catchUp = catchUpOf(id);
    if (catchUp.kind !== "caughtUp") return refused(notCaughtUp(id, catchUp));
  }
  return step(id, present.members.map((each) => each.id === id ? { ...each, suffrage } : each));
}

/**
 * The newcomer is a learner until it has caught up; then one joint change makes it a voter and
 * removes the other one. So there are never fewer voters than before that do their work.
 */
function planReplacement(
  present: Configuration,
  { id, by }: Wanted<"replace">,
  { catchUpOf, addressesOf }: KnownOfMembers,
): ChangePlan {
  const old = memberOf(present, id);
  const newcomer = present.members.find(({ incarnation }) => incarnation === by.incarnation);
  if (newcomer !== undefined && by.id !== undefined && newcomer.id !== by.id) {
    return refused(knownByOtherId(by.incarnation, newcomer.id, by.id));
  }
  if (old === undefined) {
    const isReplaced = newcomer !== undefined && wasRemoved(present, id);
    return isReplaced ? { kind: "done", id: newcomer.id } : notMember(present, id);
  }
  if (newcomer?.id === id) return refused(conflict(`Node ${id} cannot replace itself`));
  const others = present.members.filter((member) => member.id !== id);
  if (newcomer === undefined) {
    const suffrage = old.suffrage === "voter" ? "learner" : old.suffrage;
    const added = newMember({ ...present, members: others }, by, { suffrage, addressesOf });
    if (added.kind === "refused") return added;
    const goal = [...others, { ...added.member, suffrage: old.suffrage }];
    const members = old.suffrage === "voter" ? [...present.members, added.member] : goal;
    return { kind: "step", id: added.member.id, members, goal };
  }
  if (old.suffrage !== "voter" || newcomer.suffrage === "voter") return step(newcomer.id, others);
  if (newcomer.suffrage === "readOnly") return refused(readOnlyStays(newcomer.id));
  const goal = others.map((member) =>
    member === newcomer ? { ...member, suffrage: "voter" as const } : member
  );
  const catchUp = catchUpOf(newcomer.id);
  return catchUp.kind === "caughtUp"
    ? step(newcomer.id, goal)
    : { kind: "catchUp", id: newcomer.id, catchUp, goal };
}

function planRemoval(present: Configuration, id: NodeId): ChangePlan {
  if (memberOf(present, id) === undefined) return notMember(present, id);
  return step(id, present.members.filter((member) => member.id !== id));
}

function step(id: NodeId, members: readonly Member[]): ChangePlan {
  if (votersOf(members).length > 0) return { kind: "step", id, members, goal: members };
  const detail = `Node ${id} is the last voter: nobody could decide anything without it`;
  return refused({ reason: "lastVoter", detail, mayPass: false });
}

type NewMemberOutcome =
  | { readonly kind: "member"; readonly member: Member }
  | { readonly kind: "refused"; readonly refusal: ChangeRefusal };

/** The member as it will be written, where its id and its addresses are free. */
function newMember(
  present: Configuration,
  { id = present.nodeIdMax + 1, incarnation, addresses }: NewMember,
  { suffrage, addressesOf }: Pick<KnownOfMembers, "addressesOf"> & {
    readonly suffrage: Suffrage;
  },
): NewMemberOutcome {
  const places = present.members.map((member): MemberPlaces => ({
    id: member.id,
    places: [addressesOf(member.id), member.addresses].filter((each) => each !== undefined),
  }));
  const refusal = idRefusal(present, id) ?? addressRefusal(places, { incarnation, addresses }) ??
    loopbackRefusal(places, addresses) ?? unknownRefusal(places);
  if (refusal !== undefined) return { kind: "refused", refusal };
  if (present.members.length >= membersMax) {
    return refused(
      conflict(`The cluster has ${membersMax} members, which is the most it may have`),
    );
  }
  return { kind: "member", member: { id, incarnation, suffrage, addresses } };
}

/** Ids are never reused (raft/configuration.ts). */
function idRefusal(present: Configuration, id: NodeId): ChangeRefusal | undefined {
  if (id > nodeIdMax) return conflict(`No id is left: the highest one, ${nodeIdMax}, was used`);
  if (id > present.nodeIdMax) return undefined;
  const free = `the next free id is ${present.nodeIdMax + 1}`;
  return memberOf(present, id) !== undefined
    ? conflict(`Node ${id} is a member already, on another data directory; ${free}`)
    : conflict(`Id ${id} is not above ${present.nodeIdMax}, the highest ever used; ${free}`);
}

/** Everywhere a member may be: first where it says itself, then what is written down. */
interface MemberPlaces {
  readonly id: NodeId;
  readonly places: readonly MemberAddresses[];
}

function addressRefusal(
  members: readonly MemberPlaces[],
  { incarnation, addresses: { rpc, http, clientRpc } }: NewMember,
): ChangeRefusal | undefined {
  const named = [["rpc", rpc], ["http", http], ["client_rpc", clientRpc]] as const;
  for (const { id, places } of members) {
    const theirs = places.flatMap((each) => [each.rpc, each.clientRpc, each.http]);
    for (const [name, address] of named) {
      if (address === undefined || !theirs.includes(address)) continue;
      const client = clientRpc === undefined ? "" : ` --client-rpc ${clientRpc}`;
      return conflict(
        `${name} is ${address}, which is an address of node ${id}: replace that node (skein ` +
          `member replace ${id} ${rpc} ${http}${client} --incarnation ${incarnation}) or remove ` +
          `it (skein member remove ${id}); a node that joins is then started again`,
      );
    }
  }
  return undefined;
}

/** The first configuration tells of nobody where it is: the newcomer's addresses may be theirs. */
function unknownRefusal(members: readonly MemberPlaces[]): ChangeRefusal | undefined {
  const unknown = members.find(({ places }) => places.length === 0);
  if (unknown === undefined) return undefined;
  const detail = `Where node ${unknown.id} can be reached has not been heard yet, so that nobody ` +
    "can tell whether the new node has its addresses";
  return { reason: "conflict", detail, mayPass: true };
}

/** Its own machine alone could reach it: to any other one the address means itself. */
function loopbackRefusal(
  members: readonly MemberPlaces[],
  { rpc, http }: MemberAddresses,
): ChangeRefusal | undefined {
  for (const [name, address] of [["rpc", rpc], ["http", http]] as const) {
    if (!isOnLoopback(address)) continue;
    for (const { id, places: [place] } of members) {
      if (place === undefined || isOnLoopback(place[name])) continue;
      return conflict(
        `${name} is ${address}, which other machines cannot reach, and node ${id} is at ` +
          `${place[name]}: set ${name}_addr or ${name}_advertise_addr of the new node to ` +
          "where the members reach it",
      );
    }
  }
  return undefined;
}

/** A data directory belongs to one member: who asks twice is told the same. */
function knownAs(present: Configuration, member: NewMember): ChangePlan | undefined {
  const known = present.members.find(({ incarnation }) => incarnation === member.incarnation);
  if (known === undefined) return undefined;
  if (member.id === undefined || member.id === known.id) return { kind: "done", id: known.id };
  return refused(knownByOtherId(member.incarnation, known.id, member.id));
}

function knownByOtherId(incarnation: string, id: NodeId, asked: NodeId): ChangeRefusal {
  return conflict(`The data directory of incarnation ${incarnation} is node ${id}, not ${asked}`);
}

function notMember(present: Configuration, id: NodeId): ChangePlan {
  const detail = wasRemoved(present, id)
    ? `Node ${id} is no member any more: it was removed, or its id was passed over`
    : `Node ${id} is no member of this cluster`;
  return refused({ reason: "notMember", detail, mayPass: false });
}

function readOnlyStays(id: NodeId): ChangeRefusal {
  return conflict(`Node ${id} is read_only, which is never made a voter; make it a learner first`);
}

function notCaughtUp(id: NodeId, catchUp: CatchUp): ChangeRefusal {
  const detail = `Node ${id} cannot vote yet: ${catchUpText(catchUp)}`;
  return { reason: "conflict", detail, mayPass: true };
}

/** What keeps a node from doing a voter's work, for people. */
export function catchUpText(catchUp: CatchUp): string {
  switch (catchUp.kind) {
    case "caughtUp":
      return "it has caught up";
    case "silent":
      return "the leader does not hear it";
    case "behind":
      return `it has to catch up, ${catchUp.entries} entries behind`;
    case "applying":
      return `its store has to apply ${catchUp.entries} entries`;
  }
}

function conflict(detail: string): ChangeRefusal {
  return { reason: "conflict", detail, mayPass: false };
}

function refused(refusal: ChangeRefusal): { kind: "refused"; refusal: ChangeRefusal } {
  return { kind: "refused", refusal };
}
