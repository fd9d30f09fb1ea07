/** All invariants that watch a run, in the order in which they are asked. */

import type { Invariant, MakeInvariant, Scene } from "../invariant.ts";
import type { Plan } from "../plan.ts";
import { acknowledgedIsCommitted } from "./acknowledged_is_committed.ts";
import { committedIsDurable } from "./committed_is_durable.ts";
import { configurationSafety } from "./configuration_safety.ts";
import { contestContract } from "./contest_contract.ts";
import { durableVote } from "./durable_vote.ts";
import { electionSafety } from "./election_safety.ts";
import { identity } from "./identity.ts";
import { leaderAppendOnly } from "./leader_append_only.ts";
import { leaderCompleteness } from "./leader_completeness.ts";
import { leaseContract } from "./lease_contract.ts";
import { logMatching } from "./log_matching.ts";
import { monotonic } from "./monotonic.ts";
import { readSafety } from "./read_safety.ts";
import { resourceBounds } from "./resource_bounds.ts";
import { snapshotSafety } from "./snapshot_safety.ts";
import { stateComparison } from "./state_comparison.ts";
import { stateMachineSafety } from "./state_machine_safety.ts";
import { watchContract } from "./watch_contract.ts";

const defaults = { appendBytesMax: 1024 * 1024, requestsWaitingMax: 10_000 };

/**
 * I15 is judged at the end (linearizability.ts), I16 by the healing, I12 by the witness, which I5
 * and I9 hold every node against. I8 comes first: it takes note of
 * what is committed.
 */
export function invariantsOf(
  scene: Scene,
  { config }: Pick<Plan, "config">,
  broken: (id: string, text: string) => void,
): readonly Invariant[] {
  const limit = (path: string, otherwise: number): number => Number(config[path] ?? otherwise);
  const makers: readonly MakeInvariant[] = [
    ...[committedIsDurable, electionSafety, leaderAppendOnly, logMatching, leaderCompleteness],
    ...[stateMachineSafety, monotonic, durableVote, acknowledgedIsCommitted, configurationSafety],
    ...[readSafety, leaseContract, watchContract, contestContract, identity],
    ...[snapshotSafety, stateComparison],
    resourceBounds({
      appendBytesMax: limit("raft.append_bytes_max", defaults.appendBytesMax),
      requestsWaitingMax: limit("limits.requests_waiting_max", defaults.requestsWaitingMax),
    }),
  ];
  return makers.map((make) => {
    const invariant: Invariant = make(scene, (text) => broken(invariant.id, text));
    return invariant;
  });
}
