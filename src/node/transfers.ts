/** Who waits for a transfer of leadership (thesis §3.10). */

import type { Outcome } from "../raft/ready.ts";
import type { NodeId, ProposalId } from "../raft/types.ts";
import type { QueueRefusal } from "./inbox.ts";

type FailReason = (Outcome & { readonly kind: "transferFailed" })["reason"] | QueueRefusal;

/** What became of a transfer. */
export type TransferOutcome =
  | { readonly kind: "transferred"; readonly to: NodeId }
  | { readonly kind: "failed"; readonly reason: FailReason; readonly leader?: NodeId };

/** The transfers under way, by their id; each is told once. */
export class Transfers {
  readonly #waiting = new Map<ProposalId, (outcome: TransferOutcome) => void>();

  add(id: ProposalId, settle: (outcome: TransferOutcome) => void): void {
    this.#waiting.set(id, settle);
  }

  done(id: ProposalId, to: NodeId): void {
    this.#settle(id, { kind: "transferred", to });
  }

  failed(id: ProposalId, reason: FailReason, leader?: NodeId): void {
    const outcome = { kind: "failed", reason } as const;
    this.#settle(id, leader === undefined ? outcome : { ...outcome, leader });
  }

  settleAll(reason: "closing"): void {
    for (const id of [...this.#waiting.keys()]) this.failed(id, reason);
  }

  #settle(id: ProposalId, outcome: TransferOutcome): void {
    const settle = this.#waiting.get(id);
    this.#waiting.delete(id);
    settle?.(outcome);
  }
}
