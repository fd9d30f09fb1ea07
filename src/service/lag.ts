/**
 * How long each peer has been behind the commit index, as the leader saw it when it last looked.
 */

import type { NodeStatus } from "../node/parts.ts";
import type { NodeId } from "../raft/types.ts";

/** The lag of the peers of one leader. */
export class Lag {
  readonly #caughtUpMs = new Map<NodeId, number>();
  readonly #behind = new Set<NodeId>();

  /** To be called now and then; peers of a node that does not lead are forgotten. */
  look(status: NodeStatus, nowMs: number): void {
    if (status.role !== "leader") {
      this.#caughtUpMs.clear();
      return;
    }
    for (const { id, match } of status.peers) {
      const behind = match < status.commitIndex;
      if (behind) this.#behind.add(id);
      else this.#behind.delete(id);
      if (!behind || !this.#caughtUpMs.has(id)) this.#caughtUpMs.set(id, nowMs);
    }
  }

  /** Milliseconds; 0 for a peer that was not behind at the last look; undefined when never seen. */
  msOf(id: NodeId, nowMs: number): number | undefined {
    const caughtUpMs = this.#caughtUpMs.get(id);
    if (caughtUpMs === undefined) return undefined;
    return this.#behind.has(id) ? Math.max(0, nowMs - caughtUpMs) : 0;
  }
}
