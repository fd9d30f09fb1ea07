/**
 * What apply answers to one command. The same on every node; only the node that proposed it tells
 * somebody.
 */

import type { KvRecord, LeaseId, Revision } from "./record.ts";
import type { RestoreId, RestorePhase } from "./restore_command.ts";

/** A longer value is left out of `conditionFailed.current`. */
export const currentValueBytesMax = 64 * 1024;
/** Keys and values of the records in `delete.prev`, together. */
export const deletedRecordsBytesMax = 1024 * 1024;
/** Keys and values of all the records that one transaction answers. */
export const recordsBytesMax = 16 * 1024 * 1024;
/**
 * Keys and values in the answer of a batch, behind which nothing more is read for it. The item that
 * reaches it may still be answered a whole record, and all of it has to pass between nodes as one
 * message (frameBytesMax in src/grpc/peer_connection.ts).
 */
export const batchRecordsBytesMax = 15 * 1024 * 1024;
/** Records that one transaction answers. */
export const recordsMax = 10_000;

export type Result = Outcome & {
  /** The request was applied before, and this is the answer that it was given then. */
  readonly replayed?: true;
  /** The answer is a repetition, and lacks what was read then. */
  readonly omitted?: true;
};

export type Outcome =
  /** The entry was no command: a leader's no-op, a configuration. */
  | { readonly kind: "none" }
  | PutDone
  | DeleteDone
  | { readonly kind: "nothing"; readonly revision: Revision }
  | TxnDone
  | BatchDone
  /** `oldest`: the oldest revision that can be read now. */
  | { readonly kind: "compacted"; readonly revision: Revision; readonly oldest: Revision }
  | { readonly kind: "granted"; readonly revision: Revision; readonly lease: LeaseGiven }
  /** In the order of the ids; undefined where there is no such lease. */
  | {
    readonly kind: "kept";
    readonly revision: Revision;
    readonly leases: readonly (LeaseGiven | undefined)[];
  }
  /** So many leases ended, and so many keys went with them. */
  | {
    readonly kind: "ended";
    readonly revision: Revision;
    readonly leases: number;
    readonly deleted: number;
  }
  | ContestDone
  | RestoreDone
  | ConditionFailed
  | Rejected;

/** The key was written. */
export interface PutDone {
  readonly kind: "put";
  /** The revision of this write: the key's new mod. */
  readonly revision: Revision;
  readonly create: Revision;
  readonly version: number;
  /** Where it was asked for, and the key existed. */
  readonly prev?: KvRecord;
  /** What apply made of the old value, where that was asked for. */
  readonly value?: Uint8Array;
  /** The key's own lease, which this write has made. */
  readonly lease?: LeaseId;
}

/** The keys were deleted. */
export interface DeleteDone {
  readonly kind: "delete";
  /** The revision of the deletion; where nothing was deleted, the store's. */
  readonly revision: Revision;
  readonly deleted: number;
  /** `limit` left keys of the range undeleted. */
  readonly more: boolean;
  /**
   * The records before, when asked for, in key order: the first one, and more as long as all
   * together stay within deletedRecordsBytesMax.
   */
  readonly prev: readonly KvRecord[];
}

/** One of the two branches was taken, whole. */
export interface TxnDone {
  readonly kind: "txn";
  /** Of the transaction; where nothing changed, the store's. */
  readonly revision: Revision;
  /** The compares held, and `then` was taken. */
  readonly succeeded: boolean;
  /** In the order of the operations of the branch. */
  readonly results: readonly TxnResult[];
}

export type TxnResult =
  | PutDone
  | DeleteDone
  | TxnDone
  | GetDone
  | {
    readonly kind: "range";
    readonly items: readonly KvRecord[];
    /** The range holds more keys than its limit, or than one answer may carry. */
    readonly more: boolean;
  };

/** What stood under a key. */
export interface GetDone {
  readonly kind: "get";
  readonly record?: KvRecord;
}

/** Each item by itself. */
export interface BatchDone {
  readonly kind: "batch";
  /** The store's after the last item. */
  readonly revision: Revision;
  readonly results: readonly (PutDone | DeleteDone | GetDone | ConditionFailed | Rejected)[];
}

/** A lease as its holder has to know it. */
export interface LeaseGiven {
  readonly id: LeaseId;
  readonly ttlMs: number;
}

/** How a lock or an election stands, and the contestant that was asked about. */
export interface ContestDone {
  readonly kind: "contest";
  /** Of the change; where nothing changed, the store's. */
  readonly revision: Revision;
  /** Who holds now. Of a repetition without a long value. */
  readonly holder?: {
    readonly token: Revision;
    readonly lease: LeaseId;
    readonly value?: Uint8Array;
  };
  /** Where there is such a contestant, or was until now. */
  readonly own?: { readonly token: Revision; readonly lease: LeaseId };
  /** How many came before it; how many there are where it is none. */
  readonly before: number;
  /** It was one, and is none any more. */
  readonly hasLeft: boolean;
}

/** How the last restore stands; absent where there is none. */
export interface RestoreDone {
  readonly kind: "restore";
  readonly revision: Revision;
  readonly restore?: {
    readonly id: RestoreId;
    readonly phase: RestorePhase;
    /** The next block to come in, to be loaded or to be removed. */
    readonly next: number;
  };
}

/** A condition did not hold; nothing changed. */
export interface ConditionFailed {
  readonly kind: "conditionFailed";
  readonly revision: Revision;
  /** Absent when the key is, and where the conditions were on a range. */
  readonly current?: KvRecord;
  /**
   * `current.value` is empty because the value is longer than currentValueBytesMax, or a batch has
   * no room for it; in a batch without room its key, which is the item's, is left out as well.
   */
  readonly valueOmitted?: true;
}

/** The command cannot be done; nothing changed. */
export interface Rejected {
  readonly kind: "rejected";
  readonly revision: Revision;
  readonly code: RejectedCode;
  /** For people. The same on every node. */
  readonly reason: string;
}

/** In the words of the interfaces. The place in the list is the code's number on the wire. */
export const rejectedCodes = [
  /** Malformed, or of a version that this one does not know. */
  "bad_request",
  /** More keys than one revision may change, or than one command may look at. */
  "range_too_large",
  /** One transaction writes a key twice. */
  "duplicate_key",
  "value_type_mismatch",
  /** The new value, or the answer, is longer than allowed. */
  "value_too_large",
  "lease_not_found",
  "lease_full",
  /** A lease of that id is there already. */
  "conflict",
  "idempotency_mismatch",
  "idempotency_expired",
  /** No room to remember another answer, or for another one who contends for a name. */
  "overloaded",
  /** The store is being restored. */
  "not_ready",
] as const;

export type RejectedCode = typeof rejectedCodes[number];
