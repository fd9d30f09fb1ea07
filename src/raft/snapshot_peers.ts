/**
 * The peers that a leader helps with an image of its store: those whose next entry is compacted,
 * and those whose store is behind their log. Making and sending the image is the node's work; the
 * leader only says who needs one, and until when.
 */

import type { NodeId } from "./types.ts";

/** One leadership's list. */
export class SnapshotPeers {
  readonly #wanting = new Set<NodeId>();
  readonly #untold: NodeId[] = [];

  has(peer: NodeId): boolean {
    return this.#wanting.has(peer);
  }

  add(peer: NodeId): void {
    if (this.#wanting.has(peer)) return;
    this.#wanting.add(peer);
    this.#untold.push(peer);
  }

  delete(peer: NodeId): void {
    this.#wanting.delete(peer);
  }

  /** Those that were added since the last call and still want one. */
  takeNew(): readonly NodeId[] {
    return this.#untold.length === 0
      ? []
      : this.#untold.splice(0).filter((peer) => this.#wanting.has(peer));
  }
}
