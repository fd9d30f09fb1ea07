/** When a leader may propose a change of members by itself, without standing in anybody's way. */

import { isJoint } from "../raft/configuration.ts";
import type { PositionedConfiguration } from "../raft/types.ts";
import type { NodeStatus } from "./parts.ts";

/**
 * The configuration from which a change may start (thesis §4.1): of a leader that has committed an
 * entry of its own term, with no change under way. Undefined everywhere else.
 */
export function settledConfiguration(
  status: Pick<
    NodeStatus,
    "role" | "termStart" | "commitIndex" | "configuration" | "configurationCommitted"
  >,
): PositionedConfiguration | undefined {
  const { role, termStart, commitIndex, configuration, configurationCommitted } = status;
  const mayChange = role === "leader" && termStart !== undefined && commitIndex >= termStart &&
    configurationCommitted && !isJoint(configuration.configuration);
  return mayChange ? configuration : undefined;
}
