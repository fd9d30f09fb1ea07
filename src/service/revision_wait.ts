/**
 * Waiting until this node has applied a revision: what makes a read on any node see one's own
 * write.
 */

import type { Revision } from "../kv/record.ts";
import type { ServedNode } from "./node_port.ts";

interface Waiting {
  readonly revision: Revision;
  readonly wake: () => void;
}

/** Everybody on this node who waits for a revision. */
export class RevisionWait {
  readonly #current: () => Revision;
  readonly #waiting = new Set<Waiting>();
  readonly #stop: () => void;

  constructor(node: ServedNode, current: () => Revision) {
    this.#current = current;
    this.#stop = node.onApplied(() => this.#wake());
  }

  /** Resolves with whether the store has come to `revision` within `ms`. */
  until(revision: Revision, ms: number): Promise<boolean> {
    if (this.#current() >= revision) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        resolve(this.#current() >= revision);
      };
      const waiting = { revision, wake: end };
      const timer = setTimeout(end, Math.max(0, ms));
      this.#waiting.add(waiting);
    });
  }

  close(): void {
    this.#stop();
    for (const { wake } of [...this.#waiting]) wake();
  }

  #wake(): void {
    if (this.#waiting.size === 0) return;
    const current = this.#current();
    for (const { revision, wake } of [...this.#waiting]) if (revision <= current) wake();
  }
}
