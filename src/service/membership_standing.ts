/** How the members stand: which configuration is in force, and who decides in it or would. */

import {
  heardVoters,
  type Hearing,
  judgeQuorum,
  type QuorumJudgement,
} from "../node/judge_change.ts";
import type { NodeStatus } from "../node/parts.ts";
import type { WantedChange } from "../node/plan_change.ts";
import type { Member, NodeId, PositionedConfiguration } from "../raft/types.ts";
import type { ConfigurationView, MembershipAnswer } from "./contract.ts";
import type { ConfigurationInForce } from "./membership_errors.ts";

/** Which configuration is in force. */
export function inForceOf(
  { position, configuration }: PositionedConfiguration,
): ConfigurationInForce {
  return { index: position.index, joint: configuration.outgoing !== undefined };
}

/** What is committed, and what the log holds beyond that. */
export function configurationView(
  committed: PositionedConfiguration,
  { configuration, configurationCommitted }: NodeStatus,
): ConfigurationView {
  if (configurationCommitted) return inForceOf(committed);
  const { members } = configuration.configuration;
  const voters = members.filter(({ suffrage }) => suffrage === "voter").map(({ id }) => id);
  return { ...inForceOf(committed), pending: { ...inForceOf(configuration), voters } };
}

/** Who decides, in numbers. */
export function countsOf(
  judgement: QuorumJudgement,
): Pick<MembershipAnswer, "quorum" | "voters" | "healthyVoters"> {
  const { quorum, voters } = judgement;
  return { quorum, voters: voters.length, healthyVoters: heardVoters(judgement) };
}

/**
 * Who would decide in the end. Who comes in the place of another will have caught up before it
 * counts.
 */
export function judgeGoal(
  wanted: WantedChange,
  { id, goal }: { readonly id: NodeId; readonly goal: readonly Member[] },
  hearing: Hearing,
): QuorumJudgement {
  const judged = judgeQuorum(goal, hearing);
  const counts = wanted.kind === "replace" && judged.voters.includes(id) &&
    !judged.healthy.includes(id);
  if (!counts) return judged;
  const healthy = [...judged.healthy, id];
  const others = (voters: readonly NodeId[]) => voters.filter((voter) => voter !== id);
  const [unmatched, unheard] = [others(judged.unmatched), others(judged.unheard)];
  return { ...judged, healthy, unmatched, unheard, isKept: healthy.length >= judged.quorum };
}
