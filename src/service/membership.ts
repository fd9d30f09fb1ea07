/**
 * Changing the members through any node: the leader takes the steps. Where an attempt is lost with
 * its leader, the next one is asked, which finds out what became of it: the log of a leader that
 * has committed its first entry holds every change that ever will come to pass.
 */

import type { NodeId } from "../raft/types.ts";
import type { MembershipAnswer, MembershipRequest, RequestOptions } from "./contract.ts";
import { type ErrorCode, ServiceError } from "./errors.ts";
import type { ForwardAnswer } from "./forwarder.ts";
import type { LeaderProxy } from "./leader_proxy.ts";
import type { LeaderWatch } from "./leader_watch.ts";
import type { MembershipAttempt } from "./membership_run.ts";
import { MembershipSteps, type MembershipStepsParts } from "./membership_steps.ts";

/** Rest before whoever leads next is asked. */
const pauseMs = 50;

/** What changing members stands on. */
export interface MembershipParts extends MembershipStepsParts {
  readonly self: NodeId;
  readonly proxy: LeaderProxy;
  readonly leaders: LeaderWatch;
}

/**
 * Refusals by a leader that has looked: what was asked before has not come to pass either. Not so
 * of a replacement, whose new node may have been added.
 */
const decided: ReadonlySet<ErrorCode> = new Set([
  ...["conflict", "member_not_found", "precondition_failed", "would_lose_quorum"] as const,
]);

/** See the head of this file. */
export class Membership {
  readonly #parts: MembershipParts;
  readonly #steps: MembershipSteps;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
    this.#steps = new MembershipSteps(parts);
  }

  async change(request: MembershipRequest, options: RequestOptions): Promise<MembershipAnswer> {
    const { leaders, monotonicMs } = this.#parts;
    const deadlineMs = monotonicMs() + options.timeoutMs;
    let doubt: ServiceError | undefined;
    for (;;) {
      const timeoutMs = Math.max(1, deadlineMs - monotonicMs());
      try {
        return await this.#ask({ request, again: doubt !== undefined }, { ...options, timeoutMs });
      } catch (error) {
        if (!(error instanceof ServiceError)) throw error;
        doubt = doubtful(error, doubt, request);
        const isOver = monotonicMs() >= deadlineMs || options.signal?.aborted === true ||
          leaders.isClosed || error.code !== "leader_changed";
        if (doubt === undefined || isOver) throw doubt ?? error;
      }
      const { signal } = options;
      await leaders.nextChange({ ms: Math.min(pauseMs, deadlineMs - monotonicMs()), signal });
    }
  }

  /** A forwarded change, on the node that leads: it goes no further. */
  async changeHere(attempt: MembershipAttempt, timeoutMs: number): Promise<MembershipAnswer> {
    const deadlineMs = this.#parts.monotonicMs() + timeoutMs;
    const tried = await this.#steps.take(attempt, { deadlineMs, signal: undefined });
    if (tried.kind === "answered") return tried.value;
    throw tried.error;
  }

  #ask(attempt: MembershipAttempt, options: RequestOptions): Promise<MembershipAnswer> {
    const { signal } = options;
    return this.#parts.proxy.run<MembershipAnswer>({
      options,
      here: (deadlineMs) => this.#steps.take(attempt, { deadlineMs, signal }),
      body: { kind: "changeMembers", ...attempt },
      accept: acceptChanged,
    });
  }
}

/**
 * What is to be told where an attempt before is in doubt: that doubt, unless it is settled.
 * Undefined where nothing ever was in doubt.
 */
function doubtful(
  error: ServiceError,
  before: ServiceError | undefined,
  { expected, change }: MembershipRequest,
): ServiceError | undefined {
  const isOpen = error.outcome === "unknown";
  const isDecided = decided.has(error.code) && change.kind !== "replace";
  if (!isOpen && (before === undefined || isDecided)) return undefined;
  const told = isOpen ? error : before ?? error;
  const detail = isOpen ? error.message : `${told.message}; asked again: ${error.message}`;
  // The client does not know of `again`: its own condition would refuse what it has done itself.
  const retryable = expected === undefined;
  return new ServiceError(told.code, detail, { outcome: "unknown", retryable });
}

function acceptChanged(answer: ForwardAnswer): MembershipAnswer {
  if (answer.kind === "membersChanged") return answer.changed;
  throw new ServiceError(
    "internal",
    `The leader answered a change of members with ${answer.kind}`,
    {
      outcome: "unknown",
    },
  );
}
