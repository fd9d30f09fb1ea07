/**
 * What apply answers to one command. The same on every node; only the node that proposed it tells
 * somebody.
 */

import type { KvRecord, Revision } from "./record.ts";

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
    /** The records before, when asked for, as far as 1 MiB of them. */
    readonly prev: readonly KvRecord[];
  }
  | { readonly kind: "nothing"; readonly revision: Revision }
  /** A condition did not hold; nothing changed. `current` is absent when the key is. */
  | { readonly kind: "conditionFailed"; readonly revision: Revision; readonly current?: KvRecord }
  /** The range holds more keys than one revision may change; nothing changed. */
  | { readonly kind: "rangeTooLarge"; readonly revision: Revision; readonly keys: number }
  /**
   * The command needs a feature that this version of the state machine lacks, or is malformed;
   * nothing changed.
   */
  | { readonly kind: "refused"; readonly revision: Revision; readonly reason: string };
