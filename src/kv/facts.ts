/** The facts beside the data (ports.ts, KvMeta) as of the last change, committed or not. */

import type { KvMeta } from "./ports.ts";

/** One object, shared by all parts of a store: each replaces what it changes. */
export class Facts {
  meta: KvMeta;

  constructor(stored: KvMeta) {
    this.meta = stored;
  }

  /** Replaces some of the facts. */
  set(changed: Partial<KvMeta>): void {
    this.meta = { ...this.meta, ...changed };
  }
}
