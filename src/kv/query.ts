/**
 * What can be asked of the store without changing it. A query is answered from one consistent view.
 */

import type { KvRecord, Revision } from "./record.ts";

export type Query = GetQuery | RangeQuery;

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
  /** The view is gone. */
  | { readonly kind: "compacted"; readonly oldest: Revision }
  /** The view is not there yet. */
  | { readonly kind: "future"; readonly revision: Revision };
