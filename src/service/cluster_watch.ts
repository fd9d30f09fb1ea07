/**
 * Who follows the cluster itself: who leads it, and who belongs to it. Each change is looked at
 * once for all of them; what a reader holds is what it was told last, never a queue.
 */

import type { ClusterFrame, ClusterOutline, ClusterService, OpenClusterWatch } from "./contract.ts";
import { type Patience, untilWoken } from "./patience.ts";

/** What is followed. */
export type FollowedCluster = Pick<ClusterService, "outline" | "onLeadership" | "onMembership">;

/** All who follow the cluster on one node. */
export class ClusterWatches {
  readonly #cluster: FollowedCluster;
  readonly #open = new Set<ClusterWatch>();
  #stop: (() => void) | undefined;
  #outline: ClusterOutline | undefined;

  constructor(cluster: FollowedCluster) {
    this.#cluster = cluster;
  }

  /** `onClose` is called once, when the watch is closed. */
  open(onClose: () => void): ClusterWatch {
    this.#stop ??= this.#listen();
    const outline = this.#outline ??= this.#cluster.outline();
    const watch = new ClusterWatch(outline, () => {
      this.#open.delete(watch);
      if (this.#open.size === 0) this.#rest();
      onClose();
    });
    this.#open.add(watch);
    return watch;
  }

  #listen(): () => void {
    const look = (): void => {
      const outline = this.#outline = this.#cluster.outline();
      for (const watch of [...this.#open]) watch.see(outline);
    };
    const stops = [this.#cluster.onLeadership(look), this.#cluster.onMembership(look)];
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** Nobody follows: nothing is looked at. */
  #rest(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.#outline = undefined;
  }
}

/** One reader. */
export class ClusterWatch implements OpenClusterWatch {
  readonly outline: ClusterOutline;
  readonly #onClose: () => void;
  #told: ClusterOutline;
  #now: ClusterOutline;
  #isEnded = false;
  #wake: () => void = () => {};

  constructor(outline: ClusterOutline, onClose: () => void) {
    this.outline = outline;
    this.#told = outline;
    this.#now = outline;
    this.#onClose = onClose;
  }

  /** What the cluster is now. */
  see(outline: ClusterOutline): void {
    this.#now = outline;
    this.#wake();
  }

  async next({ ms, signal }: Patience): Promise<ClusterFrame> {
    const endMs = performance.now() + ms;
    for (;;) {
      if (this.#isEnded) return { kind: "closing" };
      const changed = this.#changed();
      if (changed !== undefined) return changed;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0 || signal?.aborted === true) return { kind: "quiet" };
      await untilWoken({ ms: leftMs, signal }, (wake) => this.#onceSeen(wake));
    }
  }

  close(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#wake();
    this.#onClose();
  }

  #changed(): ClusterFrame | undefined {
    const [was, outline] = [this.#told, this.#now];
    if (was === outline) return undefined;
    this.#told = outline;
    const leadership = was.term !== outline.term || was.leader !== outline.leader;
    const members = shown(was) !== shown(outline);
    const pending = pendingOf(was) !== pendingOf(outline);
    return leadership || members || pending
      ? { kind: "changed", outline, leadership, members, pending }
      : undefined;
  }

  #onceSeen(wake: () => void): () => void {
    this.#wake = wake;
    return () => {
      this.#wake = () => {};
    };
  }
}

function shown({ members, configuration: { index, joint } }: ClusterOutline): string {
  return JSON.stringify([members, index, joint]);
}

function pendingOf({ configuration: { pending } }: ClusterOutline): string | undefined {
  return JSON.stringify(pending);
}
