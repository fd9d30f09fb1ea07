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
 * outlives its time. The wall clock goes on: where the two have moved apart, all leases from before
 * are void. In either direction, as somebody may have set the date back as well.
 */
export class SuspensionGuard {
  readonly #leaseMsMax: number;
  readonly #apartMsMax: number;
  /** By how much wall time was ahead when it was looked at. */
  #aheadMs: number | undefined;
  #lookedMs = 0;
  #voidUntilMs = -Infinity;

  constructor({ leaseMsMax, marginMs }: Pick<LeaseReadParts, "leaseMsMax" | "marginMs">) {
    this.#leaseMsMax = leaseMsMax;
    // Any lease spans two of the looks that are remembered at most: both may miss half the margin.
    this.#apartMsMax = marginMs / 2;
  }

  /** To be asked at each use of a lease. */
  isClear(nowMs: number, wallMs: number): boolean {
    const aheadMs = wallMs - nowMs;
    const wasMs = this.#aheadMs;
    const isApart = wasMs === undefined || Math.abs(aheadMs - wasMs) > this.#apartMsMax;
    if (isApart) this.#voidUntilMs = nowMs + this.#leaseMsMax;
    // Clocks drift: that is not what is looked for.
    if (isApart || nowMs - this.#lookedMs >= this.#leaseMsMax) {
      this.#lookedMs = nowMs;
      this.#aheadMs = aheadMs;
    }
    return nowMs >= this.#voidUntilMs;
  }
}
