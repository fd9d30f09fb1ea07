/**
 * Changes of members on the node that leads: plan the next step, see that the quorum is kept, take
 * it, and plan again until nothing is left to do. A leader that is to go hands over first, and who
 * comes after it does the rest.
 *
 * Every step starts from what the configuration is, never from what was done before, so that a
 * change which another leader has begun goes on here.
 */

import type { ConfigurationOutcome } from "../node/configuration_changes.ts";
import {
  catchUpOf,
  type Hearing,
  heirAmong,
  judgeQuorum,
  type QuorumJudgement,
} from "../node/judge_change.ts";
import type { NodeStatus } from "../node/parts.ts";
import { catchUpText, type ChangePlan, planChange } from "../node/plan_change.ts";
import type { TransferOutcome } from "../node/transfers.ts";
import type { Member, MemberAddresses, NodeId, PositionedConfiguration } from "../raft/types.ts";
import type { MembershipAnswer, MemberView } from "./contract.ts";
import { clientGone, unlessGone, type Waited } from "./gone.ts";
import { notLeader, type Try } from "./leader_proxy.ts";
import {
  changeInProgress,
  changeRefused,
  leadershipLost,
  notHandedOver,
  stepRefused,
  stepUnknown,
  tooLate,
  tooManyChanges,
  wouldLoseQuorum,
} from "./membership_errors.ts";
import {
  type Goal,
  hasBegun,
  idOf,
  isRemovedAlready,
  type MembershipAttempt,
  named,
  outcomeOf,
  refusedOutcomeOf,
  requireExpected,
  type Run,
  stayText,
} from "./membership_run.ts";
import { countsOf, inForceOf, judgeGoal } from "./membership_standing.ts";
import { type AskHello, withIncarnations } from "./newcomers.ts";
import type { ServedNode } from "./node_port.ts";
import { untilWoken } from "./patience.ts";

/** Rest between two looks at what is waited for, where nothing tells of it. */
const lookEveryMs = 50;

/** So soon what came while the process stood still has been taken from the inbox. */
const standstillMs = 200;

/**
 * Changes that are asked for and wait at one leader: they are made one after the other, and each
 * looks now and then whether its turn has come.
 */
export const changesMax = 32;

/** What the steps stand on. */
export interface MembershipStepsParts {
  readonly node: Pick<
    ServedNode,
    "status" | "changeConfiguration" | "transferLeadership" | "onApplied" | "onLeadership"
  >;
  readonly self: NodeId;
  readonly askHello: AskHello;
  readonly viewOf: (member: Member) => MemberView;
  /** Where a member said it can be reached, before that is written down. */
  readonly addressesOf: (id: NodeId) => MemberAddresses | undefined;
  readonly monotonicMs: () => number;
  /** How long a peer may be silent and still count as healthy. */
  readonly silentMsMax: number;
}

type Step = Extract<ChangePlan, { readonly kind: "step" }>;
type Done = Try<MembershipAnswer>;

/** See the head of this file. */
export class MembershipSteps {
  readonly #parts: MembershipStepsParts;
  #underWay = 0;

  constructor(parts: MembershipStepsParts) {
    this.#parts = parts;
  }

  /** Until nothing is left to do; `notDone` where another node leads and nothing has happened. */
  async take(attempt: MembershipAttempt, waited: Waited): Promise<Done> {
    const { node, self } = this.#parts;
    if (node.status().role !== "leader") return { kind: "notDone", error: notLeader(self) };
    if (this.#underWay >= changesMax) throw tooManyChanges(changesMax);
    this.#underWay += 1;
    try {
      return await this.#run(attempt, waited);
    } finally {
      this.#underWay -= 1;
    }
  }

  async #run(attempt: MembershipAttempt, waited: Waited): Promise<Done> {
    const { askHello } = this.#parts;
    const wanted = await withIncarnations(attempt.request.change, {
      askHello,
      signal: waited.signal,
      outcome: attempt.again ? "unknown" : "not_applied",
    });
    const { monotonicMs, silentMsMax } = this.#parts;
    const run: Run = {
      ...{ ...attempt, wanted, waited, steps: 0, refusedSinceMs: undefined },
      // One that makes progress takes no longer: the node itself writes addresses now and then.
      othersUntilMs: Math.min(waited.deadlineMs, monotonicMs() + silentMsMax),
    };
    for (;;) {
      const done = await this.#step(run);
      if (done !== undefined) return done;
    }
  }

  /** One step, or one wait; undefined where there is more to do. */
  async #step(run: Run): Promise<Done | undefined> {
    const { wanted, request } = run;
    const status = this.#parts.node.status();
    if (status.role !== "leader") return this.#elsewhere(run);
    const present = status.configuration;
    // One look at the clock: whose time is up for others is refused for that, not as too late.
    const nowMs = this.#parts.monotonicMs();
    const wait = this.#whatUnsettled(run, status, nowMs);
    if (wait !== undefined) return await this.#wait(run, wait, nowMs);
    const hearing = this.#hearing(status);
    const plan = planChange(present.configuration, wanted, {
      catchUpOf: (id) => catchUpOf(id, hearing),
      addressesOf: this.#parts.addressesOf,
    });
    if (plan.kind === "done") {
      if (run.steps === 0 && !run.again) requireExpected(request, present);
      return this.#answer(run, plan.id);
    }
    if (plan.kind === "refused") {
      if (isRemovedAlready(run, present)) return this.#answer(run, idOf(wanted));
      throw changeRefused(plan.refusal, refusedOutcomeOf(run));
    }
    if (!hasBegun(run, plan, present)) requireExpected(request, present);
    const kept = judgeGoal(run.wanted, plan, hearing);
    const voters = judgeQuorum(present.configuration.members, hearing);
    if (!kept.isKept && String(kept.voters) !== String(voters.voters)) {
      return await this.#refuseQuorum(run, kept);
    }
    run.refusedSinceMs = undefined;
    if (request.dryRun) return { kind: "answered", value: this.#outlook(plan, kept, present) };
    const heir = this.#heir({ kept, voters }, hearing);
    if (heir !== undefined) return await this.#handOver(run, heir);
    if (plan.kind === "catchUp") {
      return await this.#wait(
        run,
        `node ${plan.id} has not caught up: ${catchUpText(plan.catchUp)}`,
      );
    }
    return await this.#change(run, plan, present);
  }

  /** Why nothing can be decided yet; throws where somebody else's change takes long. */
  #whatUnsettled(run: Run, status: NodeStatus, nowMs: number): string | undefined {
    const { termStart, commitIndex, configuration, configurationCommitted } = status;
    // Before that it is not known what is committed (paper §8; the erratum of 2015 to thesis §4).
    if (termStart === undefined || commitIndex < termStart) {
      return "the leader has not committed its first entry";
    }
    const inForce = inForceOf(configuration);
    if (configurationCommitted && !inForce.joint) return undefined;
    // What is under way may be what was asked for before.
    const isOthers = run.steps === 0 && !run.again;
    if (isOthers && nowMs >= run.othersUntilMs) throw changeInProgress(inForce);
    return "another change of members was not complete";
  }

  async #wait(run: Run, what: string, nowMs = this.#parts.monotonicMs()): Promise<undefined> {
    const { node } = this.#parts;
    const { deadlineMs, signal } = run.waited;
    if (signal?.aborted === true) throw clientGone(outcomeOf(run));
    const leftMs = deadlineMs - nowMs;
    if (leftMs <= 0) throw tooLate(what + stayText(run), outcomeOf(run));
    await untilWoken({ ms: Math.min(leftMs, lookEveryMs), signal }, (wake) => {
      const stops = [node.onApplied(wake), node.onLeadership(wake)];
      return () => {
        for (const stop of stops) stop();
      };
    });
  }

  /** Nothing happened here: whoever leads now takes it. Else it is asked for again. */
  #elsewhere(run: Run): Done {
    const { self } = this.#parts;
    if (run.steps > 0) throw leadershipLost(self);
    return { kind: "notDone", error: notLeader(self) };
  }

  /**
   * A leader that has just been elected waits until it has heard the others, or has not; and one
   * that stood still until it has taken the answers that came meanwhile.
   */
  async #refuseQuorum(run: Run, kept: QuorumJudgement): Promise<undefined> {
    const { monotonicMs, silentMsMax } = this.#parts;
    const nowMs = monotonicMs();
    run.refusedSinceMs ??= nowMs;
    const isUnknown = kept.unheard.length + kept.unmatched.length > 0;
    const patienceMs = isUnknown ? silentMsMax : standstillMs;
    const mayTurn = nowMs < run.refusedSinceMs + patienceMs;
    if (mayTurn) return await this.#wait(run, "the leader has not heard all voters");
    throw wouldLoseQuorum(kept, refusedOutcomeOf(run));
  }

  /** Who shall lead instead where this node is to vote no more, and somebody else can. */
  #heir(
    { kept, voters }: { readonly kept: QuorumJudgement; readonly voters: QuorumJudgement },
    hearing: Hearing,
  ): NodeId | undefined {
    const { self } = hearing;
    if (kept.voters.includes(self) || !voters.voters.includes(self)) return undefined;
    return heirAmong(kept.healthy.filter((id) => voters.healthy.includes(id)), hearing);
  }

  async #handOver(run: Run, heir: NodeId): Promise<Done | undefined> {
    const { node } = this.#parts;
    const { deadlineMs, signal } = run.waited;
    const outcome = await unlessGone<TransferOutcome>(
      { signal, outcome: outcomeOf(run) },
      (tell) => {
        node.transferLeadership(heir, deadlineMs, tell);
        return () => {};
      },
    );
    if (outcome.kind === "transferred") return this.#elsewhere(run);
    switch (outcome.reason) {
      case "notLeader":
      case "leadershipLost":
        return this.#elsewhere(run);
      case "inProgress":
        return await this.#wait(run, "another transfer of leadership was not complete");
      // The next look finds another heir, or none.
      case "noTarget":
      case "targetSilent":
      case "targetNeedsSnapshot":
      case "targetBehind":
        return await this.#wait(run, `node ${heir} could not take the leadership over`);
      default:
        throw notHandedOver(heir, outcome.reason, outcomeOf(run));
    }
  }

  async #change(
    run: Run,
    { id, members, goal }: Step,
    { position }: PositionedConfiguration,
  ): Promise<Done | undefined> {
    const { node, self } = this.#parts;
    const { deadlineMs, signal } = run.waited;
    const outcome = await unlessGone<ConfigurationOutcome>(
      { signal, outcome: "unknown" },
      (tell) => {
        node.changeConfiguration({ members }, position, deadlineMs, tell);
        return () => {};
      },
    );
    switch (outcome.kind) {
      case "applied":
        run.steps += 1;
        run.wanted = named(run.wanted, id);
        // A leader that goes without an heir is a follower already when it is told.
        return members === goal && node.status().role !== "leader" && this.#isCommitted(members)
          ? this.#answer(run, id)
          : undefined;
      case "unknown":
        if (this.#isCommitted(members)) return this.#answer({ ...run, steps: run.steps + 1 }, id);
        throw stepUnknown(outcome.reason, self);
      case "notApplied":
        return await this.#notApplied(run, outcome.reason);
    }
  }

  async #notApplied(
    run: Run,
    reason: Extract<ConfigurationOutcome, { readonly kind: "notApplied" }>["reason"],
  ): Promise<Done | undefined> {
    switch (reason) {
      case "notLeader":
      case "transferring":
        return this.#elsewhere(run);
      // Somebody else was faster: the next look says what that means.
      case "changeInProgress":
      case "configurationChanged":
        return await this.#wait(run, "other changes of members came first");
      default:
        throw stepRefused(reason, outcomeOf(run));
    }
  }

  /** A leader that goes without an heir learns from its own log that it is gone. */
  #isCommitted(members: readonly Member[]): boolean {
    const { configuration, configurationCommitted } = this.#parts.node.status();
    return configurationCommitted && !inForceOf(configuration).joint &&
      shown(configuration.configuration.members) === shown(members);
  }

  #hearing(status: NodeStatus): Hearing {
    const { self, monotonicMs, silentMsMax } = this.#parts;
    return { self, status, nowMs: monotonicMs(), silentMsMax };
  }

  #answer(run: Run, id: NodeId): Done {
    const status = this.#parts.node.status();
    const { members } = status.configuration.configuration;
    const { kind } = run.wanted;
    return {
      kind: "answered",
      value: {
        id,
        added: (kind === "add" || kind === "replace") && (run.steps > 0 || run.again),
        members: members.map((member) => this.#parts.viewOf(member)),
        configuration: inForceOf(status.configuration),
        ...countsOf(judgeQuorum(members, this.#hearing(status))),
      },
    };
  }

  /** What would be. */
  #outlook(
    { id, goal }: Goal,
    kept: QuorumJudgement,
    present: PositionedConfiguration,
  ): MembershipAnswer {
    const isMember = present.configuration.members.some((member) => member.id === id);
    return {
      id,
      added: !isMember,
      members: [...goal].sort((a, b) => a.id - b.id).map((member) => this.#parts.viewOf(member)),
      configuration: inForceOf(present),
      ...countsOf(kept),
    };
  }
}

function shown(members: readonly Member[]): string {
  return [...members].sort((a, b) => a.id - b.id)
    .map(({ id, suffrage }) => `${id} ${suffrage}`).join();
}
