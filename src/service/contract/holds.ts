/** Leases that live as long as somebody is there. */

import type { ServiceError } from "../errors.ts";
import type { Header, RequestOptions } from "./requests.ts";

/** What whoever holds a lease is told. */
export type HoldFrame =
  /** It has its whole time again. */
  | { readonly kind: "held"; readonly ttlMs: number }
  /** Nothing has happened in the given time. `remainingMs`: so long it lives at least. */
  | { readonly kind: "holding"; readonly remainingMs: number }
  /** It could not be kept alive now; that is tried again. */
  | { readonly kind: "failing"; readonly error: ServiceError; readonly remainingMs: number }
  /** The end: whoever wants to go on holding it has to ask anew. */
  | { readonly kind: "renew"; readonly ttlMs: number; readonly remainingMs: number }
  /** The end: it is gone, or could not be kept alive in all its time. */
  | { readonly kind: "lost"; readonly error: ServiceError }
  /** The end: the node shuts down, or the hold is closed. */
  | { readonly kind: "closing" };

/** A lease that is kept alive as long as its one reader asks for what comes next. */
export interface OpenHold {
  readonly ttlMs: number;
  /** At the latest after `ms`, or what one keepalive takes. */
  next(patience: { readonly ms: number }): Promise<HoldFrame>;
  /** The lease lives on for what is left of its time. */
  close(): void;
  /** Ends the lease, if that can be done now. */
  revoke(): Promise<void>;
}

/** Leases that live as long as somebody is there, asked through this node. */
export interface LeaseHoldService {
  /**
   * With a first keepalive: `lease_not_found` where there is no such lease, `overloaded` where too
   * many are held.
   */
  hold(
    lease: string,
    options: RequestOptions,
  ): Promise<{ readonly hold: OpenHold; readonly header: Header }>;
}
