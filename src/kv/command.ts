/**
 * What the log carries for the store: one command an entry. A command holds everything that its
 * outcome depends on, its conditions and its wall time included, because apply may ask nothing of
 * its surroundings.
 */

import type { ContestOperation } from "./contest_command.ts";
import type { LeaseId, Revision } from "./record.ts";
import type { RestoreOperation } from "./restore_command.ts";

export type { Contend, Leave, Proclaim } from "./contest_command.ts";

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

export type Operation =
  | Put
  | Delete
  | Merge
  | Update
  | Txn
  | Batch
  | Compact
  | GrantLease
  | KeepLeases
  | RevokeLease
  | ExpireLeases
  | ContestOperation
  | RestoreOperation
  | RaiseDataVersion
  | Nothing;

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

/** Changes a JSON document by a merge patch (RFC 7396), if its conditions hold. */
export interface Merge {
  readonly kind: "merge";
  readonly key: Uint8Array;
  /** An absent key is patched as `{}`. Media type and lease stay as they are. */
  readonly patch: Uint8Array;
  readonly conditions: Conditions;
  readonly prev: boolean;
  /** The result carries the new value. */
  readonly returnValue: boolean;
}

/** Computes the new value from the old one, if its conditions hold. */
export interface Update {
  readonly kind: "update";
  readonly key: Uint8Array;
  readonly change: ValueChange;
  readonly conditions: Conditions;
  readonly prev: boolean;
  readonly returnValue: boolean;
}

export type ValueChange =
  /** On a signed 64-bit integer in decimal; `operand` is one. An absent key takes the operand. */
  | { readonly kind: "add" | "min" | "max"; readonly operand: string }
  | { readonly kind: "append"; readonly bytes: Uint8Array };

/**
 * Either `then` or `otherwise`, whole, in one revision. Operations see what those before them did.
 */
export interface Txn {
  readonly kind: "txn";
  readonly compares: readonly Compare[];
  readonly then: readonly TxnOperation[];
  readonly otherwise: readonly TxnOperation[];
}

/** What a transaction asks for: no conditions, those are its compares. */
export type TxnOperation =
  | { readonly kind: "put"; readonly put: TxnPut }
  | { readonly kind: "get"; readonly key: Uint8Array }
  | { readonly kind: "range"; readonly range: TxnRange }
  | { readonly kind: "delete"; readonly target: KeyTarget; readonly prev: boolean }
  | { readonly kind: "txn"; readonly txn: Txn };

export type TxnPut = Omit<Put, "kind" | "conditions">;

/** A read within a transaction. */
export interface TxnRange {
  readonly start: Uint8Array;
  readonly end?: Uint8Array;
  readonly limit: number;
  readonly reverse: boolean;
  readonly keysOnly: boolean;
}

/**
 * Holds when it holds for every key of the target. An absent key compares as 0 in all but the
 * value, where it never holds; a range without keys compares as an absent key.
 */
export interface Compare {
  readonly target: KeyTarget;
  readonly operator: "=" | "!=" | "<" | ">";
  readonly expected: Expected;
}

export type Expected =
  | { readonly kind: "value"; readonly bytes: Uint8Array }
  | { readonly kind: "version" | "create" | "mod"; readonly count: number }
  | { readonly kind: "lease"; readonly lease: LeaseId };

/** Independent operations in one entry: each has its own revision and its own outcome, in order. */
export interface Batch {
  readonly kind: "batch";
  readonly items: readonly BatchItem[];
}

/** Deletes are of single keys. */
export type BatchItem = Put | Delete | { readonly kind: "get"; readonly key: Uint8Array };

/** Gives up what was before `revision`; below what is given up already, it changes nothing. */
export interface Compact {
  readonly kind: "compact";
  readonly revision: Revision;
}

/** From now on commands up to `version` may follow (data_version.ts); below, it changes nothing. */
export interface RaiseDataVersion {
  readonly kind: "raiseDataVersion";
  readonly version: number;
}

/** Begins a lease. */
export interface GrantLease {
  readonly kind: "grantLease";
  readonly ttlMs: number;
  /** Chosen by the store unless given. */
  readonly id?: LeaseId;
}

/** Keeps leases alive: each has its whole time to live again. */
export interface KeepLeases {
  readonly kind: "keepLeases";
  readonly ids: readonly LeaseId[];
}

/** Ends a lease: its keys go in one revision. */
export interface RevokeLease {
  readonly kind: "revokeLease";
  readonly id: LeaseId;
}

/**
 * Ends leases whose time is over, each in a revision of its own. One that was kept alive meanwhile
 * has another deadline, and is left alone; so is one whose deadline the entry's time has not
 * reached.
 */
export interface ExpireLeases {
  readonly kind: "expireLeases";
  readonly leases: readonly { readonly id: LeaseId; readonly deadlineMs: number }[];
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
