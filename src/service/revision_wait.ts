/**
 * Waiting until this node has applied a revision: what makes a read on any node see one's own
 * write.
 */

import type { Revision } from "../kv/record.ts";
import type { RequestOptions } from "./contract.ts";
import { whenGone } from "./gone.ts";
import type { ServedNode } from "./node_port.ts";

/** How long to wait, and for whom. */
export interface Patience {
  /** From now. */
  readonly ms: number;
  readonly signal?: RequestOptions["signal"] | undefined;
}

interface Waiting {
  readonly revision: Revision;
  readonly wake: () => void;
}

/** Everybody on this node who waits for a revision, or for the store to go on. */
export class RevisionWait {
  readonly #current: () => Revision;
  readonly #waiting = new Set<Waiting>();
  readonly #stop: () => void;
  #isClosed = false;

  constructor(node: Pick<ServedNode, "onApplied">, current: () => Revision) {
    this.#current = current;
    this.#stop = node.onApplied(() => this.#wake());
  }

  /** The node shuts down: the store goes no further. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Resolves with whether the store has come to `revision` in time; at once at the close, or when
   * the client goes.
   */
  async until(revision: Revision, patience: Patience): Promise<boolean> {
    if (this.#current() >= revision) return true;
    await this.#wait(revision, patience);
    return this.#current() >= revision;
  }

  /** Resolves when the store has applied something more, and when {@link until} would. */
  async nextApplied(patience: Patience): Promise<void> {
    await this.#wait(0, patience);
  }

  /**
   * Calls `run` once when the store has applied something more and come to `revision`, and at the
   * close; the returned function forgets it.
   */
  onceApplied(revision: Revision, run: () => void): () => void {
    const waiting: Waiting = {
      revision,
      wake: () => {
        this.#waiting.delete(waiting);
        run();
      },
    };
    this.#waiting.add(waiting);
    return () => this.#waiting.delete(waiting);
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
    for (const { wake } of [...this.#waiting]) wake();
  }

  #wait(revision: Revision, { ms, signal }: Patience): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      let forget = (): void => {};
      const wake = () => {
        clearTimeout(timer);
        forget();
        this.#waiting.delete(waiting);
        resolve();
      };
      const waiting = { revision, wake };
      const timer = setTimeout(wake, Math.max(0, ms));
      this.#waiting.add(waiting);
      forget = whenGone(signal, wake);
    });
  }

  #wake(): void {
    if (this.#waiting.size === 0) return;
    const current = this.#current();
    for (const { revision, wake } of [...this.#waiting]) if (revision <= current) wake();
  }
}
