/** One change of members under way on the leader: what is wanted, and what it has come to. */

import type { ChangePlan, WantedChange } from "../node/plan_change.ts";
import type { NodeId, PositionedConfiguration } from "../raft/types.ts";
import type { MembershipRequest } from "./contract.ts";
import type { Outcome } from "./errors.ts";
import type { Waited } from "./gone.ts";
import { otherConfiguration } from "./membership_errors.ts";
import { inForceOf } from "./membership_standing.ts";

/** A request as the leader gets it. */
export interface MembershipAttempt {
  readonly request: MembershipRequest;
  /** It was sent before, and nobody knows what became of it. */
  readonly again: boolean;
}

/** One request under way. */
export interface Run extends MembershipAttempt {
  wanted: WantedChange;
  readonly waited: Waited;
  /** Steps that it has taken here. */
  steps: number;
  /** Since when the voters that would be left have been too few: some may be heard yet. */
  refusedSinceMs: number | undefined;
  /** Somebody else's change is waited for until then. */
  readonly othersUntilMs: number;
}

/** A plan that has something left to do. */
export type Goal = Exclude<ChangePlan, { readonly kind: "done" | "refused" }>;

/** Throws where the condition on the configuration does not hold. */
export function requireExpected(
  { expected }: MembershipRequest,
  present: PositionedConfiguration,
): void {
  if (expected === undefined || expected.includes(present.position.index)) return;
  throw otherConfiguration(inForceOf(present), expected);
}

/** Its own first step has made the configuration another one than was expected. */
export function hasBegun(run: Run, { id }: Goal, present: PositionedConfiguration): boolean {
  if (run.steps > 0) return true;
  return run.again && run.wanted.kind === "replace" &&
    present.configuration.members.some((member) => member.id === id);
}

/** It was taken out here, or, where it is asked for again, perhaps before. */
export function isRemovedAlready(
  { steps, again, wanted }: Run,
  present: PositionedConfiguration,
): boolean {
  return (steps > 0 || again) && wanted.kind === "remove" &&
    wanted.id <= present.configuration.nodeIdMax &&
    !present.configuration.members.some(({ id }) => id === wanted.id);
}

/** Who has been added keeps its id: removed by somebody else meanwhile, it is not added again. */
export function named(wanted: WantedChange, id: NodeId): WantedChange {
  switch (wanted.kind) {
    case "add":
      return { ...wanted, member: { ...wanted.member, id } };
    case "replace":
      return { ...wanted, by: { ...wanted.by, id } };
    case "setSuffrage":
    case "remove":
      return wanted;
  }
}

/** Whom a removal, or a change of suffrage, is about. */
export function idOf(wanted: WantedChange): NodeId {
  switch (wanted.kind) {
    case "setSuffrage":
    case "remove":
      return wanted.id;
    case "add":
    case "replace":
      throw new Error(`A change of kind ${wanted.kind} has no member yet`);
  }
}

/** What a failure leaves behind. */
export function outcomeOf({ steps, again }: Run): Outcome {
  return steps > 0 || again ? "unknown" : "not_applied";
}

/**
 * What a refusal leaves behind by a leader that has looked: what was asked for before has not come
 * to pass either, but of a replacement the first step may have.
 */
export function refusedOutcomeOf({ steps, again, wanted }: Run): Outcome {
  return steps > 0 || (again && wanted.kind === "replace") ? "unknown" : "not_applied";
}

/** What is left of a replacement whose time is up, for people. */
export function stayText({ steps, wanted }: Run): string {
  return steps > 0 && wanted.kind === "replace"
    ? "; it stays a learner, and repeating the request goes on"
    : "";
}
