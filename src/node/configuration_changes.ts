/**
 * Who waits for a change of members. It is done when a configuration that is not joint, at or
 * behind the accepted entry, is applied: for a change of voters that is C_new, which the leader
 * appends itself (thesis §4.3).
 */

import type { DropReason } from "../raft/ready.ts";
import type {
  Index,
  LogPosition,
  NodeId,
  PositionedConfiguration,
  ProposalId,
} from "../raft/types.ts";
import type { QueueRefusal } from "./inbox.ts";

export type ConfigurationOutcome =
  | { readonly kind: "applied"; readonly position: LogPosition }
  | {
    readonly kind: "notApplied";
    readonly reason: DropReason | QueueRefusal;
    readonly leader?: NodeId;
  }
  | { readonly kind: "unknown"; readonly reason: "leadershipLost" | "timeout" | "closing" };

interface Waiting {
  readonly deadlineMs: number;
  readonly settle: (outcome: ConfigurationOutcome) => void;
  position: LogPosition | undefined;
}

/** The changes of members that this node was asked for. */
export class ConfigurationChanges {
  readonly #waiting = new Map<ProposalId, Waiting>();

  add(
    id: ProposalId,
    deadlineMs: number,
    settle: (outcome: ConfigurationOutcome) => void,
  ): void {
    this.#waiting.set(id, { deadlineMs, settle, position: undefined });
  }

  accepted(id: ProposalId, position: LogPosition): void {
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) waiting.position = position;
  }

  /** It was not appended and never will be. */
  dropped(id: ProposalId, reason: DropReason | QueueRefusal, leader?: NodeId): void {
    const outcome = { kind: "notApplied", reason } as const;
    this.#settle(id, leader === undefined ? outcome : { ...outcome, leader });
  }

  /** The store has applied up to `applied`; `newest` tells the newest configuration in the log. */
  applied(applied: LogPosition, newest: () => PositionedConfiguration): void {
    if (this.#waiting.size === 0) return;
    const latest = newest();
    if (latest.configuration.outgoing !== undefined) return;
    if (latest.position.index > applied.index) return;
    for (const [id, { position }] of this.#waiting) {
      if (position === undefined || position.index > latest.position.index) continue;
      this.#settle(id, { kind: "applied", position: latest.position });
    }
  }

  expire(nowMs: number): void {
    for (const [id, { deadlineMs, position }] of this.#waiting) {
      if (position !== undefined && deadlineMs <= nowMs) {
        this.#settle(id, { kind: "unknown", reason: "timeout" });
      }
    }
  }

  /**
   * What still waits in the inbox will be dropped with proof when its turn comes. What is
   * `committed` will be applied.
   */
  settleAccepted(reason: "leadershipLost" | "closing", committed: Index = 0): void {
    for (const [id, { position }] of [...this.#waiting]) {
      if (position === undefined || position.index <= committed) continue;
      this.#settle(id, { kind: "unknown", reason });
    }
  }

  #settle(id: ProposalId, outcome: ConfigurationOutcome): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.settle(outcome);
  }
}
