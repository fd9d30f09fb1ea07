/** Fails a test whose history is not linearizable, and leaves what is needed to see why. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Call, toJsonLines } from "./history.ts";
import { checkLinearizable, type Verdict } from "./linearizability.ts";
import { describeCall, renderTimeline } from "./timeline.ts";

/** The history was judged illegal, or could not be judged. */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
}

/**
 * Returns when `calls` are linearizable. Otherwise writes `history.jsonl` and `timeline.html` into
 * `folder`, which must outlive the test, and throws a {@link HistoryError} that names them.
 */
export function assertLinearizable(calls: readonly Call[], folder: string): void {
  const verdict = checkLinearizable(calls);
  if (verdict.kind === "ok") return;
  mkdirSync(folder, { recursive: true });
  const historyPath = join(folder, "history.jsonl");
  writeFileSync(historyPath, toJsonLines(calls));
  if (verdict.kind === "unknown") {
    const detail = `key ${verdict.key}, ${verdict.steps} steps`;
    throw new HistoryError(`The history could not be judged: ${detail}; see ${historyPath}`);
  }
  const timelinePath = join(folder, "timeline.html");
  const { reason, longest } = verdict;
  writeFileSync(timelinePath, renderTimeline(verdict.calls, { title: reason, longest }));
  throw new HistoryError(
    `The history is not linearizable: ${reason}\n${listCalls(verdict)}see ${timelinePath}`,
  );
}

const listedMax = 12;

/** The calls that could not be placed, which is where to look first. */
function listCalls({ calls, longest }: Verdict & { readonly kind: "illegal" }): string {
  const placed = new Set(longest);
  const left = calls.filter(({ id }) => !placed.has(id));
  return left.slice(0, listedMax).map((call) =>
    `  call ${call.id} of ${call.client} from ${call.startedAt.toFixed(1)} to ` +
    `${call.endedAt.toFixed(1)}: ${describeCall(call)}\n`
  ).join("");
}
