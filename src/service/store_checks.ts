/** What the store has found out about itself in the background, as lines behind /readyz. */

import type { Check } from "./contract.ts";
import type { FinishedPass } from "./scrubber.ts";
import { differenceText, type StateVerdict } from "./state_comparison.ts";

/** What the checks are called. */
export const storeCheckNames = { scrub: "scrub", stateHash: "state_hash" } as const;
/** Whether a cluster of the same name takes the node for one of its own, which it is not. */
export const identityCheck = "identity";
/** Whether the backup is there that the cluster begins with. */
export const firstRestoreCheck = "first_restore";
/** When the last backup was saved that nobody had asked for. */
export const backupCheck = "backup";

/** See the head of this file. */
export class StoreChecks {
  readonly #wallMs: () => number;
  #verdict: StateVerdict = { kind: "notCompared" };
  #pass: { readonly found: FinishedPass; readonly endedMs: number } | undefined;

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  /** A pass of the scrub has ended. One that finds something ends the node. */
  scrubbed(found: FinishedPass): void {
    this.#pass = { found, endedMs: this.#wallMs() };
  }

  /** The members have compared their stores. */
  compared(verdict: StateVerdict): void {
    // Who could not ask anybody knows what it knew before.
    if (verdict.kind !== "notCompared") this.#verdict = verdict;
  }

  /** What the newest comparison that came to something has come to. */
  get verdict(): StateVerdict {
    return this.#verdict;
  }

  all(): readonly Check[] {
    const { stateHash, scrub } = storeCheckNames;
    return [
      { name: stateHash, ...comparisonCheck(this.#verdict) },
      { name: scrub, ok: true, detail: this.#scrubDetail() },
    ];
  }

  #scrubDetail(): string {
    if (this.#pass === undefined) return "no pass over the store has ended yet";
    const { found: { changes, keys, ledgerRows }, endedMs } = this.#pass;
    return `the last pass over the store ended at ${new Date(endedMs).toISOString()} and found ` +
      `${changes} changes, ${keys} keys and ${ledgerRows} rows of the ledger as they should be`;
  }
}

function comparisonCheck(verdict: StateVerdict): Pick<Check, "ok" | "detail"> {
  switch (verdict.kind) {
    case "notCompared":
      return { ok: true, detail: "the store was not compared with another member's yet" };
    case "alone":
      return { ok: true, detail: "there is no other member to compare the store with" };
    case "equal": {
      const { position, members } = verdict;
      const detail = `as at node ${members.join(", ")} after entry ${position.index}`;
      return { ok: true, detail };
    }
    case "differing":
      return { ok: verdict.isDecided, detail: differenceText(verdict) };
    case "damaged":
      return { ok: false, detail: differenceText(verdict) };
  }
}
