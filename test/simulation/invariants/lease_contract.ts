/**
 * I13, leases: none ends early, which the witness decides by the times that the entries carry, and
 * none outlives its deadline for long once there is a leader: when all is healed and done, no store
 * holds one that has been over for more than a second.
 */

import { type Broken, type Invariant, type Scene, unwatched } from "../invariant.ts";

const lateMsMax = 1_000;

export function leaseContract({ nodes }: Scene, broken: Broken): Invariant {
  return {
    ...unwatched,
    id: "I13",
    finished: () => {
      for (const { id, machine } of nodes) {
        const deadlineMs = machine?.nextDeadlineMs() ?? Infinity;
        const lateMs = (machine?.status().clusterTimeMs ?? 0) - deadlineMs;
        if (lateMs > lateMsMax) broken(`node ${id} holds a lease that was over ${lateMs} ms ago`);
      }
    },
  };
}
