/**
 * What the log carries for the store: one command an entry. A command holds everything that its
 * outcome depends on, its conditions and its wall time included, because apply may ask nothing of
 * its surroundings.
 */

import type { LeaseId, Revision } from "./record.ts";

/** What one entry of the log asks of the store. */
export interface Command {
  /**
   * The leader's wall clock when it encoded the command: for people and history only, never for a
   * decision.
   */
  readonly wallMs: number;
  /** Makes the operation apply at most once within the window. */
  readonly idempotency?: Idempotency;
  readonly operation: Operation;
}

/** Tells a repeated request from a new one. */
export interface Idempotency {
  /**
   * Who asks; empty where there is no authentication. With `key` the scope, over the whole cluster.
   */
  readonly identity: string;
  readonly key: string;
  /**
   * SHA-256 over method, path, canonical query, conditions, media type and body: the same key with
   * another one is refused.
   */
  readonly requestHash: Uint8Array;
}

export type Operation = Put | Delete | Nothing;

/** Writes one key, whether it exists or not, if its conditions hold. */
export interface Put {
  readonly kind: "put";
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly mediaType?: string;
  readonly conditions: Conditions;
  /**
   * Attach the key to this lease; without it, and without `ttlMs`, the key is detached from any.
   */
  readonly lease?: LeaseId;
  /** A private lease of this length. Not together with `lease`. */
  readonly ttlMs?: number;
  /** The result carries the record before this write. */
  readonly prev: boolean;
}

/** Deletes one key or a range of keys, if its conditions hold. Nothing there is no error. */
export interface Delete {
  readonly kind: "delete";
  readonly target: KeyTarget;
  readonly conditions: Conditions;
  /**
   * Delete at most this many keys, in key order. Without it, more than changesPerRevisionMax is
   * refused.
   */
  readonly limit?: number;
  readonly prev: boolean;
}

/** Moves cluster time on and changes nothing else. */
export interface Nothing {
  readonly kind: "nothing";
}

export type KeyTarget =
  | { readonly kind: "key"; readonly key: Uint8Array }
  /** `start` ≤ key < `end`; no `end` is no upper bound. */
  | { readonly kind: "range"; readonly start: Uint8Array; readonly end?: Uint8Array };

/**
 * All must hold, or the operation changes nothing. Decided in apply against the key's current
 * record, whose tag is its mod revision, or 0 when the key is absent.
 *
 * On a range, a tag is a revision at which the range was read: it matches while nothing in the
 * range has changed since, deletions included. A tag below the oldest readable revision or above
 * the newest one matches nothing. `any` asks whether the range holds a key; `ifValue` needs a
 * single key and is refused.
 */
export interface Conditions {
  /** `any`: the key exists. A list: its tag is one of these. */
  readonly ifMatch?: readonly Revision[] | "any";
  /** `any`: the key is absent. A list: its tag is none of these. */
  readonly ifNoneMatch?: readonly Revision[] | "any";
  /** The value equals these bytes; `absent`: there is no such key. */
  readonly ifValue?: { readonly equals: Uint8Array } | "absent";
}

export const unconditional: Conditions = {};
