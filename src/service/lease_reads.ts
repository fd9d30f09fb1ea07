/**
 * Reads under a leader's lease (thesis §6.4.1): while no other node can have been elected, what the
 * leader has applied is all that is committed, and nobody need be asked. Everything rests on
 * clocks, so a lease is not believed where one of them may have stood still, nor where a peer might
 * stand for election sooner than it should. Then the next stronger level answers.
 */

import type { Clock } from "../node/ports.ts";
import type { ServedNode } from "./node_port.ts";
import type { Index } from "../raft/types.ts";

/** What the reads stand on. */
export interface LeaseReadParts {
  readonly node: Pick<ServedNode, "leaseIndex">;
  readonly clock: Pick<Clock, "monotonicMs" | "wallMs">;
  /** How far the store has come. */
  readonly applied: () => Index;
  /** Whether all voters are known to wait for a leader as long as this node. */
  readonly peersAgree: () => boolean;
  /** No lease is longer, ms. */
  readonly leaseMsMax: number;
  /** What of a lease is left out for what clocks get wrong, ms. */
  readonly marginMs: number;
}

/** See the head of this file. */
export class LeaseReads {
  readonly #parts: LeaseReadParts;
  readonly #suspension: SuspensionGuard;

  constructor(parts: LeaseReadParts) {
    this.#parts = parts;
    this.#suspension = new SuspensionGuard(parts);
  }

  /** Whether what the store shows now includes all that is committed in the cluster. */
  holds(): boolean {
    const { node, clock, applied, peersAgree } = this.#parts;
    const nowMs = clock.monotonicMs();
    if (!this.#suspension.isClear(nowMs, clock.wallMs())) return false;
    const index = node.leaseIndex(nowMs);
    return index !== undefined && applied() >= index && peersAgree();
  }
}

/**
 * Monotonic clocks stand still while the machine is suspended, and a lease that is counted by them
 * outlives its time. The wall clock goes on: where it runs ahead of the monotonic one, all leases
 * from before are void.
 */
export class SuspensionGuard {
  readonly #leaseMsMax: number;
  readonly #aheadMsMax: number;
  /** By how much wall time was ahead when it was looked at. */
  #aheadMs: number | undefined;
  #lookedMs = 0;
  #voidUntilMs = -Infinity;

  constructor({ leaseMsMax, marginMs }: Pick<LeaseReadParts, "leaseMsMax" | "marginMs">) {
    this.#leaseMsMax = leaseMsMax;
    // Two looks lie within any lease at most: what both of them may miss is the margin.
    this.#aheadMsMax = marginMs / 2;
  }

  /** To be asked at each use of a lease. */
  isClear(nowMs: number, wallMs: number): boolean {
    const aheadMs = wallMs - nowMs;
    const wasMs = this.#aheadMs;
    if (wasMs === undefined || aheadMs - wasMs > this.#aheadMsMax) {
      this.#voidUntilMs = nowMs + this.#leaseMsMax;
      this.#look(nowMs, aheadMs);
    } else if (aheadMs < wasMs || nowMs - this.#lookedMs >= this.#leaseMsMax) {
      // Clocks are set back, and they drift: that is not what is looked for.
      this.#look(nowMs, aheadMs);
    }
    return nowMs >= this.#voidUntilMs;
  }

  #look(nowMs: number, aheadMs: number): void {
    this.#lookedMs = nowMs;
    this.#aheadMs = aheadMs;
  }
}
