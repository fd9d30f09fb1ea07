/**
 * What can be asked of the store without changing it. A query is answered from one consistent view.
 */

import type { ChangeNumber, ChangeTimes } from "./change.ts";
import type { Contested } from "./contest_command.ts";
import type { KeyRange, KvRecord, LeaseId, Revision } from "./record.ts";

export type Query =
  | GetQuery
  | RangeQuery
  | HistoryQuery
  | ChangesQuery
  | LeaseQuery
  | LeasesQuery
  | ContestQuery;

/** The records under some keys, all from one view. */
export interface GetQuery {
  readonly kind: "get";
  readonly keys: readonly Uint8Array[];
  /** The answer ends after the record with which keys and values pass this. */
  readonly bytesMax: number;
  /** Read the store as it was; the newest state when absent. */
  readonly revision?: Revision;
}

/** The records of a range of keys, in key order or against it, one page at a time. */
export interface RangeQuery {
  readonly kind: "range";
  /** `start` ≤ key < `end`; no `end` is no upper bound. */
  readonly start: Uint8Array;
  readonly end?: Uint8Array;
  readonly revision?: Revision;
  /** Records (with a delimiter: records and prefixes) in one answer. */
  readonly limit: number;
  /** The answer ends after the record with which keys and values pass this. */
  readonly bytesMax: number;
  readonly reverse: boolean;
  /** Records come with an empty value. */
  readonly keysOnly: boolean;
  /** Only `count` is filled in; `limit` bounds how many keys one answer counts. */
  readonly countOnly: boolean;
  /**
   * Keys that contain it behind the first `prefixLength` bytes are folded into one prefix, which
   * ends with it; the folder's keys are skipped, not scanned.
   */
  readonly delimiter?: { readonly bytes: Uint8Array; readonly prefixLength: number };
  /** Whoever asks has pinned the revision on this node (KvStateMachine.pin). */
  readonly isPinned?: boolean;
}

/** What a key was, the newest first, one page at a time: as far back as revisions can be read. */
export interface HistoryQuery {
  readonly kind: "history";
  readonly key: Uint8Array;
  /** As it was known then. */
  readonly revision?: Revision;
  /** Only what was changed before this revision. */
  readonly before?: Revision;
  readonly limit: number;
  /** The answer ends after the item with which keys and values pass this. */
  readonly bytesMax: number;
}

/** The changes of a range in the order in which they were made, some at a time. */
export interface ChangesQuery {
  readonly kind: "changes";
  /** `start` ≤ key < `end`; no `end` is no upper bound. */
  readonly range: KeyRange;
  /** Behind which revision to begin, or where the answer before said. */
  readonly from:
    | { readonly after: Revision }
    | { readonly number: ChangeNumber }
    /** The same, of who was told everything before it while it happened. */
    | { readonly live: ChangeNumber };
  /** Each change comes with the record before it, where compaction has left that. */
  readonly prev: boolean;
  /** So many changes of the whole store are looked at. */
  readonly changesMax: number;
  /** Keys and values are no more than this together, unless there is a single change. */
  readonly bytesMax: number;
  readonly revision?: undefined;
}

/** One lease, now. */
export interface LeaseQuery {
  readonly kind: "lease";
  readonly id: LeaseId;
  /** The answer names some of its keys. */
  readonly keys: LeaseKeysPage | undefined;
  readonly revision?: undefined;
}

/** Which keys of a lease: in key order, one page at a time. */
export interface LeaseKeysPage {
  /** Those behind this one. */
  readonly after?: Uint8Array;
  readonly limit: number;
  /** The page ends after the key that passes this. */
  readonly bytesMax: number;
}

/** All leases, now, by their ids, one page at a time. */
export interface LeasesQuery {
  readonly kind: "leases";
  /** Those behind this one. */
  readonly after?: LeaseId;
  readonly limit: number;
  readonly revision?: undefined;
}

/** A lock or an election, now. */
export interface ContestQuery extends Contested {
  readonly kind: "contest";
  /** Tell whether this one is a contestant. */
  readonly token?: Revision;
  /** Tell how many there are, and how many before the token, which costs a look at each. */
  readonly counts: boolean;
  readonly revision?: undefined;
}

/** What one revision did to a range. */
export interface RevisionChanges {
  readonly revision: Revision;
  readonly times: ChangeTimes;
  readonly events: readonly ChangeEvent[];
  /** The next answer goes on with the same revision. */
  readonly isPartial: boolean;
}

/** One change as a watcher sees it. */
export type ChangeEvent =
  | { readonly kind: "put"; readonly record: KvRecord; readonly prev?: KvRecord }
  | {
    readonly kind: "delete";
    readonly key: Uint8Array;
    readonly mod: Revision;
    readonly prev?: KvRecord;
  };

/** A version of a key, or its deletion. */
export type HistoryItem =
  | { readonly kind: "version"; readonly record: KvRecord; readonly times: ChangeTimes }
  | { readonly kind: "deleted"; readonly mod: Revision; readonly times: ChangeTimes };

/** A lease as the store knows it. */
export interface LeaseView {
  readonly id: LeaseId;
  readonly ttlMs: number;
  /** Of cluster time, which stands still while nobody leads. */
  readonly remainingMs: number;
  /** How many keys, locks and elections belong to it. */
  readonly keyCount: number;
  /** The lease of one key, lock or election that was made with a time to live. */
  readonly isPrivate: boolean;
}

/** Who holds a lock, or leads an election. */
export interface ContestHolder {
  /** The revision that made it a contestant. */
  readonly token: Revision;
  readonly lease: LeaseId;
  /** The owner of a lock, the value of an election. */
  readonly value: Uint8Array;
  /** The revision that gave it its value. */
  readonly mod: Revision;
}

export type Answer =
  | {
    readonly kind: "records";
    /** The revision of the view. */
    readonly revision: Revision;
    /**
     * In the order of the query's keys; undefined where there was none. Fewer than keys where
     * bytesMax has ended the answer.
     */
    readonly records: readonly (KvRecord | undefined)[];
  }
  | {
    readonly kind: "range";
    readonly revision: Revision;
    readonly items: readonly KvRecord[];
    readonly prefixes: readonly Uint8Array[];
    /** Items and prefixes in this answer; of a count query the keys counted. */
    readonly count: number;
    /**
     * Where the next page goes on (forward: its start; reverse: its end, exclusive); absent at the
     * end of the range. It may be there with fewer items than `limit`: an answer also ends after
     * bytesMax, and when it has looked at as many keys as one answer may.
     */
    readonly next?: Uint8Array;
    /**
     * The list's tag: the highest revision at which a key of the range (query.start … query.end)
     * was written or deleted, as seen in the view, and at least the oldest readable revision.
     * Nothing in the range has changed since any revision from it up to the view's. Absent where
     * finding it would take unbounded work: mostly on pages that do not reach the end of the range.
     */
    readonly changed?: Revision;
  }
  | {
    readonly kind: "history";
    readonly revision: Revision;
    readonly items: readonly HistoryItem[];
    /** Where the next page goes on: its `before`; absent at the end. */
    readonly next?: Revision;
  }
  | {
    readonly kind: "changes";
    readonly revision: Revision;
    /** Ascending; without those that did nothing to the range. */
    readonly revisions: readonly RevisionChanges[];
    /** All up to here that concerns the range is in this answer and those before it. */
    readonly through: Revision;
    /** Where to go on. */
    readonly next: ChangeNumber;
  }
  | {
    readonly kind: "lease";
    readonly revision: Revision;
    readonly lease?: LeaseView;
    /** Users' keys in their order, where they were asked for. */
    readonly keys?: readonly Uint8Array[];
    /** There are more keys behind these. */
    readonly more?: true;
  }
  | {
    readonly kind: "leases";
    readonly revision: Revision;
    readonly leases: readonly LeaseView[];
    /** Where the next page goes on: its `after`; absent at the end. */
    readonly next?: LeaseId;
  }
  | {
    readonly kind: "contest";
    readonly revision: Revision;
    /** Absent where nobody contends. */
    readonly holder?: ContestHolder;
    /** How many there are, the holder among them, where that was asked for. */
    readonly contestants?: number;
    /** The contestant of the query's token; absent where it is none. */
    readonly own?: { readonly lease: LeaseId; readonly before?: number };
  }
  /** The view is gone. */
  | { readonly kind: "compacted"; readonly oldest: Revision }
  /** The view is not there yet. */
  | { readonly kind: "future"; readonly revision: Revision };
