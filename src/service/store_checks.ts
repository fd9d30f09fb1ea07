/** What the store has found out about itself in the background, as lines behind /readyz. */

import type { Check } from "./contract.ts";
import type { FinishedPass } from "./scrubber.ts";

/** Names that a probe of the start leaves out: to start the node again would not help. */
export const storeCheckNames = { scrub: "scrub" } as const;

/** See the head of this file. */
export class StoreChecks {
  readonly #wallMs: () => number;
  #pass: { readonly found: FinishedPass; readonly endedMs: number } | undefined;

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  /** A pass of the scrub has ended. One that finds something ends the node. */
  scrubbed(found: FinishedPass): void {
    this.#pass = { found, endedMs: this.#wallMs() };
  }

  all(): readonly Check[] {
    return [{ name: storeCheckNames.scrub, ok: true, detail: this.#scrubDetail() }];
  }

  #scrubDetail(): string {
    if (this.#pass === undefined) return "no pass over the store has ended yet";
    const { found: { changes, keys, ledgerRows }, endedMs } = this.#pass;
    return `the last pass over the store ended at ${new Date(endedMs).toISOString()} and found ` +
      `${changes} changes, ${keys} keys and ${ledgerRows} rows of the ledger as they should be`;
  }
}
