/** What a change of members may come to instead, as the errors that clients see. */

import type { ConfigurationOutcome } from "../node/configuration_changes.ts";
import { heardVoters, type QuorumJudgement } from "../node/judge_change.ts";
import type { ChangeRefusal } from "../node/plan_change.ts";
import type { TransferOutcome } from "../node/transfers.ts";
import type { HeirFlaw } from "../raft/heirs.ts";
import type { NodeId } from "../raft/types.ts";
import { type ErrorCode, type Outcome, ServiceError } from "./errors.ts";

/** The plan says that it cannot be. */
export function changeRefused(
  { reason, detail, mayPass }: ChangeRefusal,
  outcome: Outcome,
): ServiceError {
  return new ServiceError(codes[reason], detail, { outcome, retryable: mayPass });
}

const codes: Readonly<Record<ChangeRefusal["reason"], ErrorCode>> = {
  notMember: "member_not_found",
  conflict: "conflict",
  lastVoter: "would_lose_quorum",
};

/** The voters that would be left could decide nothing. */
export function wouldLoseQuorum(
  judgement: QuorumJudgement,
  outcome: Outcome,
): ServiceError {
  const { voters, healthy, unmatched, quorum } = judgement;
  const silent = voters.filter((id) => !healthy.includes(id) && !unmatched.includes(id));
  const who = [
    ...silent.map((id) => `node ${id} is not heard`),
    ...unmatched.map((id) => `node ${id} has not caught up`),
  ];
  const detail = `Afterwards ${quorum} of ${voters.length} voters would have to agree, and ` +
    `${healthy.length} of them could now: ${who.join(", ")}`;
  return new ServiceError("would_lose_quorum", detail, {
    outcome,
    extra: { quorum, voters: voters.length, healthy_voters: heardVoters(judgement) },
  });
}

/** One change at a time (thesis §4.1). */
export function changeInProgress(configuration: ConfigurationInForce): ServiceError {
  return new ServiceError(
    "membership_change_in_progress",
    `Another change of members is under way: configuration ${configuration.index} is not ` +
      "complete yet",
    { outcome: "not_applied", retryable: true, retryAfterMs: 1_000, extra: { configuration } },
  );
}

/** Others wait already. */
export function tooManyChanges(max: number): ServiceError {
  const detail = `${max} changes of members wait on the leader, which is the limit`;
  return new ServiceError("overloaded", detail, {
    outcome: "not_applied",
    retryable: true,
    retryAfterMs: 1_000,
  });
}

/** Which configuration is in force. */
export interface ConfigurationInForce {
  readonly index: number;
  readonly joint: boolean;
}

/** The condition on the configuration does not hold. */
export function otherConfiguration(
  configuration: ConfigurationInForce,
  expected: readonly number[],
): ServiceError {
  const wanted = expected.map((index) => `c${index}`).join(" or ");
  return new ServiceError(
    "precondition_failed",
    `The members are those of configuration c${configuration.index}, If-Match wanted ${wanted}`,
    { outcome: "not_applied", extra: { configuration } },
  );
}

/** The leadership went elsewhere while the change was under way; asked again it goes on. */
export function leadershipLost(self: NodeId): ServiceError {
  return new ServiceError(
    "leader_changed",
    `Node ${self} lost the leadership while the change of members was under way`,
    { outcome: "unknown", retryable: true, retryAfterMs: 100 },
  );
}

/** The time is up; `what` was waited for. */
export function tooLate(what: string, outcome: Outcome): ServiceError {
  return new ServiceError("timeout", `In time ${what}`, { outcome, retryable: true });
}

type NotAppliedReason = Exclude<
  Extract<ConfigurationOutcome, { readonly kind: "notApplied" }>["reason"],
  "notLeader" | "transferring" | "changeInProgress" | "configurationChanged"
>;

/** What neither another try nor another node would cure now. */
export function stepRefused(reason: NotAppliedReason, outcome: Outcome): ServiceError {
  switch (reason) {
    case "overloaded":
      return new ServiceError("overloaded", "Too many requests are waiting on the leader", {
        outcome,
        retryable: true,
        retryAfterMs: 1_000,
      });
    case "expiredInQueue":
      return tooLate("the leader did not take the change of members", outcome);
    case "closing":
      return new ServiceError("draining", "The leader is shutting down", {
        outcome,
        retryable: true,
        retryAfterMs: 1_000,
      });
    case "tooLarge":
    case "invalidChange":
      return new ServiceError("internal", `A change of members was refused as ${reason}`, {
        outcome,
      });
  }
}

/** It may come to pass, now or later, or never. */
export function stepUnknown(
  reason: Extract<ConfigurationOutcome, { readonly kind: "unknown" }>["reason"],
  self: NodeId,
): ServiceError {
  switch (reason) {
    case "timeout":
      return tooLate("the change of members was not committed", "unknown");
    case "closing":
      return new ServiceError("draining", "The leader shut down while the members changed", {
        outcome: "unknown",
        retryable: true,
      });
    case "leadershipLost":
      return leadershipLost(self);
  }
}

type TransferFailure = Exclude<
  Extract<TransferOutcome, { readonly kind: "failed" }>["reason"],
  HeirFlaw | "notLeader" | "noTarget" | "leadershipLost" | "inProgress"
>;

/** A leader that is to go could not hand over. */
export function notHandedOver(
  target: NodeId,
  reason: TransferFailure,
  outcome: Outcome,
): ServiceError {
  if (reason === "overloaded" || reason === "closing") return stepRefused(reason, outcome);
  return new ServiceError(
    "timeout",
    `The leader is to go, and node ${target} has not taken the leadership over (${reason})`,
    { outcome, retryable: true },
  );
}
