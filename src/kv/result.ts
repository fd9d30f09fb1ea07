/**
 * What apply answers to one command. The same on every node; only the node that proposed it tells
 * somebody.
 */

import type { KvRecord, Revision } from "./record.ts";

/** A longer value is left out of `conditionFailed.current`. */
export const currentValueBytesMax = 64 * 1024;
/** Keys and values of the records in `delete.prev`, together. */
export const deletedRecordsBytesMax = 1024 * 1024;

export type Result =
  /** The entry was no command: a leader's no-op, a configuration. */
  | { readonly kind: "none" }
  | {
    readonly kind: "put";
    /** The revision of this write: the key's new mod. */
    readonly revision: Revision;
    readonly create: Revision;
    readonly version: number;
    readonly prev?: KvRecord;
  }
  | {
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
  | { readonly kind: "nothing"; readonly revision: Revision }
  | {
    /** A condition did not hold; nothing changed. */
    readonly kind: "conditionFailed";
    readonly revision: Revision;
    /** Absent when the key is, and where the conditions were on a range. */
    readonly current?: KvRecord;
    /** `current.value` is empty because the value is longer than currentValueBytesMax. */
    readonly valueOmitted?: true;
  }
  /**
   * The range holds more keys than one revision may change; nothing changed. Counting stops one
   * above changesPerRevisionMax, so `keys` says "at least".
   */
  | { readonly kind: "rangeTooLarge"; readonly revision: Revision; readonly keys: number }
  /**
   * The command needs a feature that this version of the state machine lacks, or is malformed;
   * nothing changed.
   */
  | { readonly kind: "refused"; readonly revision: Revision; readonly reason: string };
