/** What a transfer of leadership may come to, as the answers and errors that clients see. */

import { transferEntriesMax } from "../node/judge_change.ts";
import type { TransferOutcome } from "../node/transfers.ts";
import type { Member, NodeId } from "../raft/types.ts";
import { ServiceError } from "./errors.ts";
import { notLeader, type Try } from "./leader_proxy.ts";

/** Who leads now. */
export interface Transferred {
  readonly leader: NodeId;
}

interface AskedTransfer {
  readonly target: NodeId | undefined;
  readonly self: NodeId;
  /** Who belongs to the cluster, as the leader has it. */
  readonly members: readonly Member[];
}

/** An error is final here; `notDone` may be asked of another node. */
export function judgeTransfer(
  outcome: TransferOutcome,
  asked: AskedTransfer,
): Try<Transferred> | ServiceError {
  if (outcome.kind === "transferred") return { kind: "answered", value: { leader: outcome.to } };
  switch (outcome.reason) {
    case "notLeader":
      return { kind: "notDone", error: notLeader(asked.self) };
    case "noTarget":
      return asked.target === undefined
        ? refusal("There is no other voter that could lead now")
        : noVoter(asked.target, asked.members);
    case "targetSilent":
      return refusal(`Node ${asked.target} cannot take over now: the leader does not hear it`);
    case "targetNeedsSnapshot":
      return refusal(`Node ${asked.target} cannot take over now: it needs an image of the store`);
    case "targetBehind":
      return refusal(
        `Node ${asked.target} cannot take over now: it is more than ${transferEntriesMax} ` +
          "entries behind",
      );
    case "inProgress":
      return new ServiceError("conflict", "Another transfer of leadership is under way", {
        outcome: "not_applied",
        retryable: true,
      });
    case "overloaded":
      return new ServiceError("overloaded", "Too many requests are waiting on the leader", {
        outcome: "not_applied",
        retryable: true,
        retryAfterMs: 1_000,
      });
    case "expiredInQueue":
      return new ServiceError("timeout", "The time was up before the leader took the request", {
        outcome: "not_applied",
        retryable: true,
      });
    case "timeout":
      // The target may have been told to campaign, and may still do so. Nor may a client repeat it
      // by itself: meanwhile the cluster takes no writes, each time for an election timeout.
      return new ServiceError("timeout", "The target did not take over in time", {
        outcome: "unknown",
      });
    case "leadershipLost":
    case "closing":
      return new ServiceError("leader_changed", "The leader changed while it handed over", {
        outcome: "unknown",
      });
  }
}

/** The request is good, and the cluster is not so now: whoever asks has to decide. */
function refusal(detail: string): ServiceError {
  return new ServiceError("conflict", detail, { outcome: "not_applied" });
}

function noVoter(target: NodeId, members: readonly Member[]): ServiceError {
  const member = members.find(({ id }) => id === target);
  if (member === undefined) {
    return new ServiceError("member_not_found", `Node ${target} is no member of this cluster`, {
      outcome: "not_applied",
    });
  }
  const voters = members.filter(({ suffrage }) => suffrage === "voter").map(({ id }) => id);
  const what = member.suffrage === "learner" ? "a learner" : "read-only";
  return refusal(`Node ${target} is ${what}; allowed are the voters ${voters.join(", ")}`);
}
