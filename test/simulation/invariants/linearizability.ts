/**
 * I15: seen from outside, each key behaves as if there were one copy of it (Herlihy and Wing):
 * judged on what the clients were told alone, without a look at the log.
 */

import type { Call } from "../../harness/history.ts";
import { checkLinearizable } from "../../harness/linearizability.ts";
import { describeCall } from "../../harness/timeline.ts";

const stepsMax = 20_000_000;

/** What is wrong with the history, in words; undefined when nothing is. */
export function linearizabilityFault(calls: readonly Call[]): string | undefined {
  const verdict = checkLinearizable(calls, { stepsMax });
  switch (verdict.kind) {
    case "ok":
      return undefined;
    case "unknown":
      return `the history of ${verdict.key} could not be judged in ${verdict.steps} steps`;
    case "illegal": {
      const suspects = verdict.calls.filter(({ id }) => verdict.suspects.includes(id));
      const lines = suspects.map((call) =>
        `\n  call ${call.id} of ${call.client}, ${call.startedAt} to ${call.endedAt} µs: ` +
        describeCall(call)
      );
      return verdict.reason + lines.join("");
    }
  }
}
