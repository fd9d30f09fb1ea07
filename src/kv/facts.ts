/** The facts beside the data (ports.ts, KvMeta) as of the last change, committed or not. */

import type { KvMeta } from "./ports.ts";

/**
 * One object, shared by all parts of a store, changed in place: one command changes facts many
 * times, and a copy each time would cost more than what it records.
 */
export class Facts {
  readonly #now: { -readonly [Name in keyof KvMeta]: KvMeta[Name] };
  /** What equals them, as long as nothing has changed since. */
  #snapshot: KvMeta | undefined;

  constructor(stored: KvMeta) {
    this.#now = { ...stored };
    this.#snapshot = stored;
  }

  /** As they are at any time. Not to be kept: see {@link snapshot}. */
  get meta(): KvMeta {
    return this.#now;
  }

  /** As they are now, for good: the same object until something changes. */
  snapshot(): KvMeta {
    this.#snapshot ??= { ...this.#now };
    return this.#snapshot;
  }

  /** Replaces some of the facts. */
  set(changed: Partial<KvMeta>): void {
    Object.assign(this.#now, changed);
    this.#snapshot = undefined;
  }

  /** Goes back to what {@link snapshot} gave, or what is stored. */
  reset(snapshot: KvMeta): void {
    Object.assign(this.#now, snapshot);
    this.#snapshot = snapshot;
  }
}
