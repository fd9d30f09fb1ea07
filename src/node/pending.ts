/**
 * Who waits for what: proposals from their acceptance to their application. The outcome told is a
 * promise: `notApplied` only when the proposal was never appended; everything after that which is
 * not `applied` is `unknown`, because the entry may still commit under another leader
 * (docs/ARCHITECTURE.md, "Outcomes").
 */

import type { DropReason } from "../raft/ready.ts";
import type { Index, LogPosition, NodeId, ProposalId } from "../raft/types.ts";
import type { QueueRefusal } from "./inbox.ts";

export type ProposeOutcome<Result> =
  | { readonly kind: "applied"; readonly position: LogPosition; readonly result: Result }
  | {
    readonly kind: "notApplied";
    readonly reason: DropReason | QueueRefusal;
    readonly leader?: NodeId;
  }
  | {
    readonly kind: "unknown";
    readonly reason: "leadershipLost" | "overwritten" | "timeout" | "closing";
  };

export type Settle<Result> = (outcome: ProposeOutcome<Result>) => void;

interface Waiting<Result> {
  readonly deadlineMs: number;
  readonly settle: Settle<Result>;
  position: LogPosition | undefined;
}

/** The proposals of this node that nobody has been told about yet. */
export class PendingProposals<Result> {
  readonly #waiting = new Map<ProposalId, Waiting<Result>>();
  readonly #byIndex = new Map<Index, ProposalId>();

  get size(): number {
    return this.#waiting.size;
  }

  add(id: ProposalId, deadlineMs: number, settle: Settle<Result>): void {
    this.#waiting.set(id, { deadlineMs, settle, position: undefined });
  }

  accepted(id: ProposalId, position: LogPosition): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    waiting.position = position;
    this.#byIndex.set(position.index, id);
  }

  /** It was not appended and never will be. */
  dropped(id: ProposalId, reason: DropReason | QueueRefusal, leader?: NodeId): void {
    const outcome = { kind: "notApplied", reason } as const;
    this.#settle(id, leader === undefined ? outcome : { ...outcome, leader });
  }

  /** The store has applied the entry at `position`. */
  applied(position: LogPosition, result: Result): void {
    const id = this.#byIndex.get(position.index);
    if (id === undefined) return;
    const mine = this.#waiting.get(id)?.position?.term === position.term;
    this.#settle(
      id,
      mine ? { kind: "applied", position, result } : { kind: "unknown", reason: "overwritten" },
    );
  }

  expire(nowMs: number): void {
    for (const [id, { deadlineMs, position }] of this.#waiting) {
      // Without a position it still waits in the inbox, where it expires as not applied.
      if (position !== undefined && deadlineMs <= nowMs) {
        this.#settle(id, { kind: "unknown", reason: "timeout" });
      }
    }
  }

  /**
   * What was accepted may commit under the next leader, or not; what is `committed` will be
   * applied. What still waits in the inbox will be dropped with proof when its turn comes.
   */
  settleAccepted(reason: "leadershipLost" | "closing", committed: Index = 0): void {
    for (const [id, { position }] of [...this.#waiting]) {
      if (position === undefined || position.index <= committed) continue;
      this.#settle(id, { kind: "unknown", reason });
    }
  }

  #settle(id: ProposalId, outcome: ProposeOutcome<Result>): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    if (waiting.position !== undefined) this.#byIndex.delete(waiting.position.index);
    waiting.settle(outcome);
  }
}
