/** Compaction in a random world, and images for whom it leaves behind. */

import type { Prng } from "../../src/lib/prng.ts";
import type { NodeId, SnapshotMeta } from "../../src/raft/types.ts";
import type { RaftNode } from "./raft_node.ts";
import { chunkOf, imageChunks } from "./raft_stage.ts";

interface Moment {
  readonly nowMs: number;
  /** Nothing gets lost any more. */
  readonly isHealing: boolean;
}

export class ChaosImages {
  readonly #prng: Prng;
  /** The image that each node sends. */
  readonly #images = new Map<NodeId, SnapshotMeta>();

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  /** Whether there was something to compact. */
  compact(node: RaftNode, nowMs: number): boolean {
    const { boundary, applied, needsSnapshot } = node.status;
    if (needsSnapshot || applied === boundary || node.applied.index !== applied) return false;
    if (applied > node.disk.lastIndex()) return false;
    node.compact(boundary + 1 + this.#prng.below(applied - boundary), nowMs);
    return true;
  }

  /** Chunks go to those who wait for an image; some look at one that is whole. */
  move(nodes: readonly RaftNode[], moment: Moment): void {
    for (const node of nodes) {
      if (node.isRunning && this.#prng.chance(1, 2)) node.finishStage(moment.nowMs);
      const peers = node.isRunning ? node.status.peers : [];
      for (const { id, wantsSnapshot } of peers) {
        if (!node.isRunning) break;
        if (wantsSnapshot || this.#prng.chance(1, 3)) this.#send(node, id, moment);
      }
    }
  }

  #send(node: RaftNode, peer: NodeId, { nowMs, isHealing }: Moment): void {
    const { position } = node.disk.boundary;
    if (node.applied.index < position.index || node.applied.index === 0) return;
    const known = this.#images.get(node.id);
    const isFresh = known !== undefined && known.position.index >= position.index;
    const image = isFresh && !this.#prng.chance(1, 10) ? known : node.image();
    this.#images.set(node.id, image);
    for (let at = isHealing ? 0 : this.#prng.below(imageChunks); at < imageChunks; at++) {
      node.step({ kind: "snapshotChunk", peer, chunk: chunkOf(image, at) }, nowMs);
      if (!isHealing && this.#prng.chance(1, 4)) return;
    }
  }
}
