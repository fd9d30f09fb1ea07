/**
 * Revisions that somebody on this node is reading piece by piece: what they show stays, even where
 * compaction gives them up.
 */

import type { Revision } from "./record.ts";

/** All that are pinned, each as often as it was asked for. */
export class Pins {
  readonly #pins = new Set<{ readonly revision: Revision }>();

  /** Until the returned function is called. */
  add(revision: Revision): () => void {
    const pin = { revision };
    this.#pins.add(pin);
    return () => this.#pins.delete(pin);
  }

  has(revision: Revision): boolean {
    for (const pin of this.#pins) if (pin.revision === revision) return true;
    return false;
  }

  /** The oldest revision that somebody may read where everybody may read from `oldest` on. */
  oldest(oldest: Revision): Revision {
    return Math.min(oldest, ...[...this.#pins].map(({ revision }) => revision));
  }

  /** Forgets those that are not in the range any more: whoever reads them is told so. */
  keepWithin(range: { readonly oldest: Revision; readonly newest: Revision }): void {
    for (const pin of this.#pins) {
      if (pin.revision < range.oldest || pin.revision > range.newest) this.#pins.delete(pin);
    }
  }
}
