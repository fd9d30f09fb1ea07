/** The writes on their way to storage: how many at once, in which order, when the loop yields. */

import type { Envelope } from "../raft/message.ts";
import type { LogWrite } from "../raft/ready.ts";
import type { BatchNumber } from "../raft/types.ts";
import type { Clock, StorageEngine } from "./ports.ts";

/** What the writes stand on. */
export interface WritesParts {
  readonly storage: Pick<StorageEngine, "persist">;
  readonly clock: Pick<Clock, "soon">;
  readonly inflightMax: number;
  /** False once the node has closed: what was not handed over by then is not written any more. */
  readonly isRunning: () => boolean;
  readonly onPersisted: (number: BatchNumber) => void;
  readonly onFailed: (error: unknown) => void;
}

/** Hands writes to storage in the order in which the core made them. */
export class Writes {
  readonly #parts: WritesParts;
  #inflight = 0;
  #yielding = 0;

  constructor(parts: WritesParts) {
    this.#parts = parts;
  }

  get hasRoom(): boolean {
    return this.#inflight < this.#parts.inflightMax;
  }

  /**
   * A blocking fsync right after a send would hold the packets back until it is over. A leader that
   * has `sent` entries yields once, so that its followers write while it does; whatever comes after
   * a write that yielded yields, too.
   */
  persist(write: LogWrite, sent: readonly Envelope[]): void {
    this.#inflight++;
    const overlaps = sent.some(({ message }) => message.kind === "appendEntries");
    if (!overlaps && this.#yielding === 0) return this.#handOver(write);
    this.#yielding++;
    this.#parts.clock.soon(() => {
      this.#yielding--;
      if (this.#parts.isRunning()) this.#handOver(write);
    });
  }

  #handOver(write: LogWrite): void {
    try {
      this.#parts.storage.persist(write, () => {
        this.#inflight--;
        this.#parts.onPersisted(write.number);
      });
    } catch (error) {
      this.#parts.onFailed(error);
    }
  }
}
