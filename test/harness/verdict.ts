/** Fails a test whose history is not linearizable, and leaves what is needed to see why. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Call, toJsonLines } from "./history.ts";
import { checkLinearizable, type Verdict } from "./linearizability.ts";
import { describeCall, describeTimes, renderTimeline } from "./timeline.ts";

/** The history was judged illegal, or could not be judged. */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
}

/** So long a search may take, on a machine as slow as they come, before the test fails. */
const budgetMs = 60_000;

/**
 * Returns when `calls` are linearizable. Otherwise writes `history.jsonl` and `timeline.html` into
 * `folder`, which must outlive the test, and throws a {@link HistoryError} that names them.
 */
export function assertLinearizable(calls: readonly Call[], folder: string): void {
  const verdict = checkLinearizable(calls, { budgetMs });
  if (verdict.kind === "ok") return;
  mkdirSync(folder, { recursive: true });
  const historyPath = join(folder, "history.jsonl");
  writeFileSync(historyPath, toJsonLines(calls));
  if (verdict.kind === "unknown") {
    const detail = `key ${verdict.key}, ${verdict.steps} steps`;
    throw new HistoryError(`The history could not be judged: ${detail}; see ${historyPath}`);
  }
  const timelinePath = join(folder, "timeline.html");
  const { reason, longest, suspects } = verdict;
  writeFileSync(timelinePath, renderTimeline(verdict.calls, { title: reason, longest, suspects }));
  throw new HistoryError(
    `The history is not linearizable: ${reason}\n${listSuspects(verdict)}see ${timelinePath}`,
  );
}

/** The calls to look at first. */
function listSuspects({ calls, suspects }: Verdict & { readonly kind: "illegal" }): string {
  return calls.filter(({ id }) => suspects.includes(id))
    .map((call) => `  ${describeTimes(call)}${describeCall(call)}\n`).join("");
}
