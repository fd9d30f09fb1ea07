/**
 * Waiting until this node has applied a revision: what makes a read on any node see one's own
 * write.
 */

import type { Revision } from "../kv/record.ts";
import type { ServedNode } from "./node_port.ts";
import { type Patience, untilWoken } from "./patience.ts";

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

  async #wait(revision: Revision, patience: Patience): Promise<void> {
    if (this.#isClosed) return;
    await untilWoken(patience, (wake) => this.onceApplied(revision, wake));
  }

  #wake(): void {
    if (this.#waiting.size === 0) return;
    const current = this.#current();
    for (const { revision, wake } of [...this.#waiting]) if (revision <= current) wake();
  }
}
