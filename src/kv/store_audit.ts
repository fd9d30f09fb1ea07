/** How the store is checked while it serves: by itself, and against those of other members. */

import type { FatalStorageError } from "../node/ports.ts";
import type { PositionedHash } from "./past_hashes.ts";
import { ScrubPass, type ScrubProgress } from "./scrub.ts";
import type { Store } from "./store.ts";

/** What the state machine does for it. */
export interface StoreAuditParts {
  /** Commits what is open; false while the disk is full. */
  readonly commit: () => boolean;
  readonly unlessFull: (step: () => ScrubProgress) => ScrubProgress | undefined;
}

/** See the head of this file. */
export class StoreAudit {
  readonly #store: Store;
  readonly #parts: StoreAuditParts;

  constructor(store: Store, parts: StoreAuditParts) {
    this.#store = store;
    this.#parts = parts;
  }

  /** Begins to look through all that is kept (scrub.ts); undefined while the disk is full. */
  scrub(): ScrubPass | undefined {
    return this.#parts.commit() ? new ScrubPass(this.#store, this.#parts.unlessFull) : undefined;
  }

  /** The hash of the state now and at some positions before (past_hashes.ts), ascending. */
  hashes(): readonly PositionedHash[] {
    return this.#store.pastHashes.through(this.#store.meta);
  }

  /** The error to end with when the store was found wrong. Nothing can be written after it. */
  damaged(what: string): FatalStorageError {
    return this.#store.tables.damaged(what);
  }
}
