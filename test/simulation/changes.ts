/** What an administrator may want the members of a cluster to be next: drawn from a seed. */

import type { Prng } from "../../src/lib/prng.ts";
import { votersOf } from "../../src/raft/configuration.ts";
import type { Member, NodeId, Suffrage } from "../../src/raft/types.ts";

/** More members cost time, and bring no more to light. */
const membersMax = 8;
const votersMax = 7;

export type ChangeKind =
  | ("add" | "addReadOnly" | "promote" | "demote")
  | ("replace" | "remove" | "removeSeveral" | "shuffle");

/** Members as somebody wants them, and why. */
export interface WantedMembers {
  readonly kind: ChangeKind;
  readonly members: readonly Member[];
}

/** What a change is drawn from. */
export interface ChangeScene {
  readonly members: readonly Member[];
  /** Who asks for it: that one leads, and is removed as often as all others together. */
  readonly leader: NodeId;
  /** A node that may be added; undefined where there is room for none. */
  readonly joiner: (() => Member) | undefined;
  /** Who must not vote: it belongs to another cluster. */
  readonly foreign: ReadonlySet<NodeId>;
  readonly prng: Prng;
}

/** Whether one more may be added. */
export function hasRoom(members: readonly Member[]): boolean {
  return members.length < membersMax;
}

/** Draws a change; undefined when what was drawn is not possible now. */
export function drawChange(scene: ChangeScene): WantedMembers | undefined {
  const kinds: readonly ChangeKind[] = [
    ...["add", "add", "add", "addReadOnly", "promote", "promote", "promote"] as const,
    ...["demote", "replace", "replace", "remove", "remove", "removeSeveral", "shuffle"] as const,
  ];
  const kind = kinds[scene.prng.below(kinds.length)]!;
  const members = changed(kind, scene);
  const voters = members === undefined ? 0 : votersOf(members).length;
  if (members === undefined || voters === 0 || voters > votersMax) return undefined;
  return { kind, members };
}

function changed(kind: ChangeKind, scene: ChangeScene): readonly Member[] | undefined {
  const { members, joiner, foreign, prng } = scene;
  const some = <T>(list: readonly T[]): T | undefined => list[prng.below(Math.max(1, list.length))];
  const voters = members.filter(({ suffrage }) => suffrage === "voter");
  const learners = members.filter(({ id, suffrage }) => suffrage !== "voter" && !foreign.has(id));
  const leaving = (): Member | undefined =>
    prng.chance(1, 2) ? members.find(({ id }) => id === scene.leader) : some(members);
  switch (kind) {
    case "add":
    case "addReadOnly": {
      const added = joiner?.();
      return added && [...members, withSuffrage(added, kind === "add" ? "learner" : "readOnly")];
    }
    case "promote":
      return withIds(members, [some(learners)?.id], "voter");
    case "demote":
      return withIds(members, [some(voters)?.id], "learner");
    case "replace": {
      const [gone, added] = [some(voters), some(learners) ?? joiner?.()];
      if (gone === undefined || added === undefined) return undefined;
      const others = members.filter(({ id }) => id !== gone.id && id !== added.id);
      return [...others, withSuffrage(added, "voter")];
    }
    case "remove":
      return without(members, [leaving()?.id]);
    case "removeSeveral":
      return without(members, [leaving()?.id, some(members)?.id]);
    case "shuffle":
      return members.map((member) =>
        foreign.has(member.id)
          ? member
          : withSuffrage(member, prng.chance(2, 3) ? "voter" : "learner")
      );
  }
}

function without(
  members: readonly Member[],
  ids: readonly (NodeId | undefined)[],
): readonly Member[] | undefined {
  return ids.includes(undefined) ? undefined : members.filter(({ id }) => !ids.includes(id));
}

function withIds(
  members: readonly Member[],
  ids: readonly (NodeId | undefined)[],
  suffrage: Suffrage,
): readonly Member[] | undefined {
  if (ids.includes(undefined)) return undefined;
  return members.map((member) => ids.includes(member.id) ? withSuffrage(member, suffrage) : member);
}

function withSuffrage(member: Member, suffrage: Suffrage): Member {
  return { ...member, suffrage };
}
