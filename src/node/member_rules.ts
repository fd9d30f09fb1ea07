/**
 * What a leader changes by itself: a learner that has caught up becomes a voter, and a member that
 * is dead goes, where the configuration file says so. A pure decision; member_keeper.ts acts.
 *
 * A promotion must not make the cluster more fragile than it is. Of three voters, one of them down,
 * any two that are left can go on without the learner; of four they could not. So a learner becomes
 * a voter while all voters are healthy, or where the healthy ones among them are a majority of the
 * larger cluster without it.
 *
 * A removal must leave enough voters, and a majority of them healthy. Where too few would be left,
 * a learner that has caught up takes the place of the dead one in the same change: the two rules
 * would otherwise wait for each other.
 */

import { votersOf } from "../raft/configuration.ts";
import { majority } from "../raft/quorum.ts";
import type { Member, NodeId } from "../raft/types.ts";
import { type Hearing, judgeQuorum } from "./judge_change.ts";

/** What the configuration file says. */
export interface MemberRules {
  readonly promotes: boolean;
  /** 0: nobody is removed. */
  readonly removeDeadAfterMs: number;
  /** No dead voter is removed where fewer voters would be left. */
  readonly votersMin: number;
}

/** What the leader has seen. */
export interface MemberView extends Hearing {
  readonly members: readonly Member[];
  /** Since when it has led, and looked without a pause: what it missed before says nothing. */
  readonly sinceMs: number;
  /** Learners that have caught up, and stayed so for a while, ascending by id. */
  readonly steady: readonly NodeId[];
}

/** One change, and what it is for. */
export interface WantedChange {
  readonly members: readonly Member[];
  readonly promoted?: NodeId;
  readonly removed?: NodeId;
}

/** The next change to make; undefined where nothing is wanted, or nothing may be done now. */
export function wantedChange(view: MemberView, rules: MemberRules): WantedChange | undefined {
  return removal(view, rules) ?? (rules.promotes ? promotion(view) : undefined);
}

function promotion(view: MemberView): WantedChange | undefined {
  const [promoted] = view.steady;
  if (promoted === undefined) return undefined;
  const { voters, healthy } = judgeQuorum(view.members, view);
  const isSafe = healthy.length === voters.length || healthy.length >= majority(voters.length + 1);
  return isSafe ? { members: asVoter(view.members, promoted), promoted } : undefined;
}

function removal(view: MemberView, rules: MemberRules): WantedChange | undefined {
  if (rules.removeDeadAfterMs === 0) return undefined;
  for (const { id, suffrage } of view.members) {
    if (!isDead(id, view, rules.removeDeadAfterMs)) continue;
    const members = view.members.filter((member) => member.id !== id);
    if (suffrage !== "voter") return { members, removed: id };
    const change = withEnoughVoters({ members, removed: id }, view, rules);
    if (change !== undefined && judgeQuorum(change.members, view).isKept) return change;
  }
  return undefined;
}

function withEnoughVoters(
  change: WantedChange,
  { steady: [promoted] }: MemberView,
  { votersMin, promotes }: MemberRules,
): WantedChange | undefined {
  const missing = votersMin - votersOf(change.members).length;
  if (missing <= 0) return change;
  if (missing > 1 || promoted === undefined || !promotes) return undefined;
  return { ...change, members: asVoter(change.members, promoted), promoted };
}

function isDead(id: NodeId, view: MemberView, afterMs: number): boolean {
  if (id === view.self) return false;
  const heardMs = view.status.peers.find((peer) => peer.id === id)?.heardMs ?? view.sinceMs;
  return view.nowMs - Math.max(heardMs, view.sinceMs) >= afterMs;
}

function asVoter(members: readonly Member[], id: NodeId): readonly Member[] {
  return members.map((member) => member.id === id ? { ...member, suffrage: "voter" } : member);
}
