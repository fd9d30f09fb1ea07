/**
 * Leases that are kept alive as long as somebody is there to be told of it. A hold is pulled: who
 * does not ask for what comes next keeps nothing alive. What it says is on the safe side: a lease
 * is told to live no longer than its time since the keepalive was asked for, although the time of
 * the cluster may have stood still since.
 */

import type {
  Header,
  HoldFrame,
  KvService,
  LeaseHoldService,
  OpenHold,
  RequestOptions,
  Result,
} from "./contract.ts";
import { ServiceError } from "./errors.ts";
import { readFailed } from "./outcome_errors.ts";
import type { StreamClock } from "./stream_clock.ts";

/** A hold ends after that: a host that has vanished keeps its lease no longer. */
export const holdMsMax = 60_000;
/** What one keepalive may take; less where the lease has less time. */
const keepMsMax = 5_000;
/** After one that failed at once; less where the lease has little time. */
const pauseMsMax = 1_000;
/** So long a lease is tried to be revoked, before it is left to end by itself. */
const revokeMsMax = 30_000;

/** What the service stands on. */
export interface NodeLeaseHoldServiceParts {
  readonly kv: Pick<KvService, "write">;
  readonly self: number;
  readonly clock: StreamClock;
  readonly limits: { readonly leaseHoldsMax: number };
}

/** LeaseHoldService over one node. */
export class NodeLeaseHoldService implements LeaseHoldService {
  readonly #parts: NodeLeaseHoldServiceParts;
  readonly #open = new Set<OpenHold>();
  /** Those that are about to open included. */
  #count = 0;
  #isClosed = false;

  constructor(parts: NodeLeaseHoldServiceParts) {
    this.#parts = parts;
  }

  /** How many are open. */
  get size(): number {
    return this.#count;
  }

  async hold(
    lease: string,
    options: RequestOptions,
  ): Promise<{ hold: OpenHold; header: Header }> {
    const { kv, self, clock, limits: { leaseHoldsMax } } = this.#parts;
    if (this.#count >= leaseHoldsMax) {
      const detail = `${leaseHoldsMax} leases are held through this node, which is the limit`;
      throw new ServiceError("overloaded", detail, { retryable: true, retryAfterMs: 5_000 });
    }
    this.#count++;
    try {
      const askedMs = clock.monotonicMs();
      const { result, header } = await kv.write(keepalive(lease), options);
      if (this.#isClosed) throw readFailed("closing", self);
      const kept = { askedMs, ttlMs: ttlOf(lease, result) };
      const { requestId } = options;
      const hold = new Hold({ ...this.#parts, lease, requestId }, kept, () => {
        this.#open.delete(hold);
        this.#count--;
      });
      this.#open.add(hold);
      return { hold, header };
    } catch (error) {
      this.#count--;
      throw error;
    }
  }

  /** Ends all that are open: their readers have to go on elsewhere. */
  close(): void {
    this.#isClosed = true;
    for (const hold of [...this.#open]) hold.close();
  }
}

function keepalive(lease: string): { readonly kind: "keepLeases"; readonly ids: [string] } {
  return { kind: "keepLeases", ids: [lease] };
}

/** Throws where the lease is gone. */
function ttlOf(lease: string, result: Result): number {
  if (result.kind !== "kept") throw new Error(`Result ${result.kind} of a keepalive`);
  const kept = result.leases[0];
  if (kept !== undefined) return kept.ttlMs;
  throw new ServiceError("lease_not_found", `There is no lease ${lease}`);
}

interface HoldParts extends Pick<NodeLeaseHoldServiceParts, "kv" | "clock"> {
  readonly lease: string;
  readonly requestId: string;
}

/** One lease while it is held. */
class Hold implements OpenHold {
  readonly ttlMs: number;
  readonly #parts: HoldParts;
  readonly #onClose: () => void;
  readonly #endMs: number;
  readonly #gone = new AbortController();
  /** When the last keepalive that was applied was asked for. */
  #askedMs: number;
  /** When the next one is to be asked for. */
  #dueMs: number;
  /** The first keepalive has been told. */
  #isTold = false;
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(
    parts: HoldParts,
    { askedMs, ttlMs }: { readonly askedMs: number; readonly ttlMs: number },
    onClose: () => void,
  ) {
    const nowMs = parts.clock.monotonicMs();
    this.ttlMs = ttlMs;
    this.#parts = parts;
    this.#onClose = onClose;
    this.#askedMs = askedMs;
    this.#dueMs = askedMs + ttlMs / 3;
    this.#endMs = nowMs + holdMsMax;
  }

  async next({ ms }: { readonly ms: number }): Promise<HoldFrame> {
    const { clock } = this.#parts;
    if (!this.#isTold && !this.#isClosed) {
      this.#isTold = true;
      return { kind: "held", ttlMs: this.ttlMs };
    }
    await this.#until(Math.min(this.#dueMs, this.#endMs, clock.monotonicMs() + ms));
    if (this.#isClosed) return { kind: "closing" };
    const nowMs = clock.monotonicMs();
    if (nowMs >= this.#endMs) {
      return { kind: "renew", ttlMs: this.ttlMs, remainingMs: this.#remainingMs() };
    }
    if (nowMs < this.#dueMs) return { kind: "holding", remainingMs: this.#remainingMs() };
    return await this.#keep();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#gone.abort();
    this.#wake();
    this.#onClose();
  }

  async revoke(): Promise<void> {
    const { kv, lease: id, requestId } = this.#parts;
    const timeoutMs = Math.min(this.ttlMs, revokeMsMax);
    try {
      await kv.write({ kind: "revokeLease", id }, { timeoutMs, requestId });
    } catch (error) {
      // It ends by itself, when its time is over.
      if (!(error instanceof ServiceError)) throw error;
    }
  }

  async #keep(): Promise<HoldFrame> {
    const { kv, clock, lease, requestId } = this.#parts;
    const askedMs = clock.monotonicMs();
    // There is time for another one, should this one be lost on its way.
    const timeoutMs = Math.ceil(Math.min(this.ttlMs / 3, keepMsMax));
    const options = { timeoutMs, requestId, signal: this.#gone.signal };
    try {
      const { result } = await kv.write(keepalive(lease), options);
      if (this.#isClosed) return { kind: "closing" };
      const ttlMs = ttlOf(lease, result);
      this.#askedMs = askedMs;
      this.#dueMs = askedMs + ttlMs / 3;
      return { kind: "held", ttlMs };
    } catch (error) {
      if (this.#isClosed) return { kind: "closing" };
      if (!(error instanceof ServiceError)) throw error;
      const remainingMs = this.#remainingMs();
      if (error.code === "lease_not_found" || remainingMs === 0) return { kind: "lost", error };
      const pauseMs = Math.min(this.ttlMs / 10, pauseMsMax, remainingMs);
      this.#dueMs = clock.monotonicMs() + pauseMs;
      return { kind: "failing", error, remainingMs };
    }
  }

  /** What the lease has left at least. */
  #remainingMs(): number {
    return Math.max(0, Math.floor(this.#askedMs + this.ttlMs - this.#parts.clock.monotonicMs()));
  }

  async #until(ms: number): Promise<void> {
    const { clock } = this.#parts;
    const leftMs = ms - clock.monotonicMs();
    if (leftMs <= 0 || this.#isClosed) return;
    const woken = Promise.withResolvers<void>();
    const forget = clock.after(Math.ceil(leftMs), woken.resolve);
    this.#wake = woken.resolve;
    await woken.promise;
    this.#wake = () => {};
    forget();
  }
}
