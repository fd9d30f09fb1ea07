/** Who leads, without asking the core for every request, and a way to wait for somebody to. */

import type { NodeStatus } from "../node/parts.ts";
import type { NodeId } from "../raft/types.ts";
import type { ServedNode } from "./node_port.ts";
import { type Patience, untilWoken } from "./patience.ts";

/** What is watched of a node. */
export interface WatchedNode extends Pick<ServedNode, "onLeadership"> {
  status(): Pick<NodeStatus, "leader">;
}

/** The leader as this node knows it, kept current by the node. */
export class LeaderWatch {
  readonly #self: NodeId;
  #leader: NodeId | undefined;
  readonly #waiting = new Set<() => void>();
  readonly #stop: () => void;
  #isClosed = false;

  constructor(node: WatchedNode, self: NodeId) {
    this.#self = self;
    this.#leader = node.status().leader;
    this.#stop = node.onLeadership(({ leader }) => {
      this.#leader = leader;
      for (const wake of [...this.#waiting]) wake();
    });
  }

  get leader(): NodeId | undefined {
    return this.#leader;
  }

  get isSelf(): boolean {
    return this.#leader === this.#self;
  }

  /** The node shuts down: nothing will change any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Resolves at the next change of leadership, at the close, or when the client goes, at the latest
   * after `ms`.
   */
  async nextChange(patience: Patience): Promise<void> {
    if (this.#isClosed) return;
    await untilWoken(patience, (wake) => {
      this.#waiting.add(wake);
      return () => this.#waiting.delete(wake);
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
    for (const wake of [...this.#waiting]) wake();
  }
}
