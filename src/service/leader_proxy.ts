/**
 * Hands a request to whoever leads, from this node or over one hop; the core knows nothing of it. A
 * request is tried again only after proof that it was not appended, until the caller's time is up;
 * what may have left and has no answer is `unknown`, and stays so.
 */

import type { NodeId } from "../raft/types.ts";
import type { RequestOptions } from "./contract.ts";
import { type ErrorCode, ServiceError } from "./errors.ts";
import type { ForwardAnswer, ForwardBody, Forwarder, ForwardRequest } from "./forwarder.ts";
import { clientGone } from "./gone.ts";
import type { LeaderWatch } from "./leader_watch.ts";

/** Rest between two tries while the leadership does not change. */
const retryPauseMs = 50;

/**
 * What a node says that does not lead, no more, or that ends: whoever leads next may take the
 * request. A leader that has too much to do, or no space, is not pressed further: its client is
 * told, and when to come again. All other refusals would only be said again.
 */
const curable: ReadonlySet<ErrorCode> = new Set(["leader_changed", "draining"]);

/** What the proxy stands on. */
export interface LeaderProxyParts {
  readonly self: NodeId;
  readonly clusterId: string;
  readonly leaders: LeaderWatch;
  readonly forwarder: Forwarder;
  /** Where a member's rpc listener is. */
  readonly addressOf: (id: NodeId) => string | undefined;
  readonly monotonicMs: () => number;
}

/** What one try came to: an answer, or proof that nothing happened. */
export type Try<T> =
  | { readonly kind: "answered"; readonly value: T }
  | { readonly kind: "notDone"; readonly error: ServiceError };

/** The way to the leader, for every service of one node. */
export class LeaderProxy {
  readonly #parts: LeaderProxyParts;

  constructor(parts: LeaderProxyParts) {
    this.#parts = parts;
  }

  /** `here` is asked when this node leads, `body` goes to the other node when another one does. */
  async run<T>(task: {
    readonly options: RequestOptions;
    readonly here: (deadlineMs: number) => Promise<Try<T>>;
    readonly body: ForwardBody;
    readonly accept: (answer: ForwardAnswer) => T;
  }): Promise<T> {
    const { leaders, monotonicMs } = this.#parts;
    const { timeoutMs, signal } = task.options;
    const deadlineMs = monotonicMs() + timeoutMs;
    let last: ServiceError | undefined;
    for (;;) {
      // Here nothing is under way, so that nothing was appended.
      if (signal?.aborted === true) throw clientGone("not_applied");
      if (leaders.isClosed) throw draining(this.#parts.self);
      // Sent now it could only come to be unknown, where it is known that nothing happened.
      if (last !== undefined && monotonicMs() >= deadlineMs) throw last;
      const leader = leaders.leader;
      const result = leader === undefined
        ? { kind: "notDone", error: last ?? noLeader() } as const
        : leaders.isSelf
        ? await task.here(deadlineMs)
        : await this.#forward(leader, task, deadlineMs);
      if (result.kind === "answered") return result.value;
      last = result.error;
      const leftMs = deadlineMs - monotonicMs();
      if (leftMs <= 0) throw last;
      const now = leaders.leader;
      // Another node has come to lead during the try: no further change need ever follow.
      if (now !== undefined && now !== leader) continue;
      const pauseMs = now === undefined ? leftMs : retryPauseMs;
      await leaders.nextChange({ ms: Math.min(leftMs, pauseMs), signal });
    }
  }

  async #forward<T>(leader: NodeId, task: {
    readonly options: RequestOptions;
    readonly body: ForwardBody;
    readonly accept: (answer: ForwardAnswer) => T;
  }, deadlineMs: number): Promise<Try<T>> {
    const { self, clusterId, forwarder, addressOf, monotonicMs } = this.#parts;
    const address = addressOf(leader);
    if (address === undefined) {
      return { kind: "notDone", error: noLeader(`The address of node ${leader} is not known`) };
    }
    const request: ForwardRequest = {
      clusterId,
      from: self,
      requestId: task.options.requestId,
      timeoutMs: Math.max(1, deadlineMs - monotonicMs()),
      body: task.body,
    };
    const outcome = await forwarder.forward(address, request, task.options.signal);
    switch (outcome.kind) {
      case "answered":
        return { kind: "answered", value: task.accept(outcome.answer) };
      case "failed":
        // Who took the address of a leader that is gone is not asked: it may not even be a member.
        if (outcome.error.code === "wrong_cluster") {
          const detail = `The leader, node ${leader}, is not at its address: ` +
            outcome.error.message;
          return { kind: "notDone", error: noLeader(detail) };
        }
        // Only what was promised is proof: an outcome that a later version names is none.
        if (outcome.error.outcome !== "not_applied" || !curable.has(outcome.error.code)) {
          throw outcome.error;
        }
        return { kind: "notDone", error: outcome.error };
      case "notSent":
        return {
          kind: "notDone",
          error: noLeader(`The leader, node ${leader}, cannot be reached: ${outcome.detail}`),
        };
      case "unknown":
        if (monotonicMs() >= deadlineMs) throw unanswered(leader, task.options.timeoutMs);
        throw brokeOff(leader);
    }
  }
}

function unanswered(leader: NodeId, timeoutMs: number): ServiceError {
  const detail = `The leader, node ${leader}, did not answer within ${timeoutMs} ms`;
  return new ServiceError("timeout", detail, { outcome: "unknown" });
}

function brokeOff(leader: NodeId): ServiceError {
  const detail =
    `The connection to the leader, node ${leader}, broke while the request was under way`;
  return new ServiceError("leader_changed", detail, { outcome: "unknown" });
}

/** The error for a request that found nobody to lead; proof that nothing happened. */
export function noLeader(detail = "No leader is known to this node"): ServiceError {
  return new ServiceError("no_leader", detail, {
    outcome: "not_applied",
    retryable: true,
    retryAfterMs: 1_000,
  });
}

/**
 * The error of a node that was asked to do what only the leader does; the asking node's proof that
 * it may go on to another one.
 */
export function notLeader(self: NodeId): ServiceError {
  return new ServiceError("leader_changed", `Node ${self} is not the leader`, {
    outcome: "not_applied",
    retryable: true,
    retryAfterMs: 100,
  });
}

function draining(self: NodeId): ServiceError {
  return new ServiceError("draining", `Node ${self} is shutting down`, {
    outcome: "not_applied",
    retryable: true,
    retryAfterMs: 1_000,
  });
}
