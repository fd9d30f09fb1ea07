/** What the node says of reads and writes, as the errors that clients see. */

import type { Result } from "../kv/result.ts";
import type { ProposeOutcome } from "../node/pending.ts";
import type { ReadOutcome } from "../node/readers.ts";
import type { NodeId } from "../raft/types.ts";
import { ServiceError } from "./errors.ts";
import { noLeader, notLeader, type Try } from "./leader_proxy.ts";

type NotAppliedReason = (ProposeOutcome<Result> & { readonly kind: "notApplied" })["reason"];

/** Refused before it was appended: either worth another try, or an error to tell. */
export function notApplied(reason: NotAppliedReason, self: NodeId): Try<never> | ServiceError {
  const outcome = "not_applied";
  switch (reason) {
    case "notLeader":
    case "transferring":
      return { kind: "notDone", error: notLeader(self) };
    case "overloaded":
      return new ServiceError("overloaded", "Too many writes are waiting on the leader", {
        outcome,
        retryable: true,
        retryAfterMs: 1_000,
      });
    case "tooLarge":
      return new ServiceError("request_too_large", "The write does not fit into one log entry", {
        outcome,
      });
    case "expiredInQueue":
      return new ServiceError("timeout", "The time was up before the leader took the write", {
        outcome,
        retryable: true,
      });
    case "closing":
      return new ServiceError("draining", `Node ${self} is shutting down`, {
        outcome,
        retryable: true,
        retryAfterMs: 1_000,
      });
    case "changeInProgress":
    case "configurationChanged":
    case "invalidChange":
      return new ServiceError("internal", `A write was refused as ${reason}`, { outcome });
  }
}

type UnknownReason = (ProposeOutcome<Result> & { readonly kind: "unknown" })["reason"];

/** It may be applied, now or later, or never. */
export function unknownOutcome(reason: UnknownReason): ServiceError {
  const outcome = "unknown";
  switch (reason) {
    case "timeout":
      return new ServiceError("timeout", "The time was up before the write was committed", {
        outcome,
      });
    case "closing":
      return new ServiceError("draining", "The node shut down while the write was under way", {
        outcome,
      });
    case "leadershipLost":
    case "overwritten":
      return new ServiceError(
        "leader_changed",
        "The leader changed while the write was under way; it may be applied or not",
        { outcome },
      );
  }
}

type ReadFailure = (ReadOutcome & { readonly kind: "failed" })["reason"];

/** Why nothing could be read. */
export function readFailed(reason: ReadFailure, self: NodeId): ServiceError {
  switch (reason) {
    case "noLeader":
      return new ServiceError("no_leader", noLeader().message, {
        retryable: true,
        retryAfterMs: 1_000,
      });
    case "timeout":
      return new ServiceError(
        "timeout",
        `In time no quorum confirmed the read, or node ${self} has not applied what it must show`,
        { retryable: true },
      );
    case "overloaded":
      return new ServiceError("overloaded", "Too many reads are waiting on the leader", {
        retryable: true,
        retryAfterMs: 1_000,
      });
    case "diskFull":
      return new ServiceError(
        "not_ready",
        `The disk of node ${self} is full, and its store lacks what was written since; other ` +
          "nodes can answer",
        { retryable: true, retryAfterMs: 1_000 },
      );
    case "closing":
      return new ServiceError("draining", `Node ${self} is shutting down`, {
        retryable: true,
        retryAfterMs: 1_000,
      });
  }
}

/** Whatever became of it, its idempotency key keeps a repetition from being applied twice. */
export function worthRepeating(error: unknown): unknown {
  if (!(error instanceof ServiceError) || error.outcome !== "unknown") return error;
  const { code, message, outcome, issues, extra } = error;
  const retryAfterMs = error.retryAfterMs ?? 100;
  return new ServiceError(code, message, { outcome, issues, extra, retryable: true, retryAfterMs });
}
