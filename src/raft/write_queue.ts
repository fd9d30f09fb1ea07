/**
 * What must become durable, and what waits for it. Everything since the last write that was handed
 * out merges into the next one; whatever may be said only once it is durable is held under the
 * number of the write that covers it.
 */

import { assert } from "../lib/assert.ts";
import { Queue } from "../lib/queue.ts";
import type { RaftLog } from "./log.ts";
import type { Envelope } from "./message.ts";
import type { LogWrite } from "./ready.ts";
import type {
  BatchNumber,
  Boundary,
  HardState,
  Index,
  LogPosition,
  SnapshotMeta,
} from "./types.ts";

interface InFlight {
  readonly number: BatchNumber;
  /** Up to here its end makes the log durable: the end of the log then, less what was replaced. */
  last: LogPosition;
  readonly sinceMs: number;
}

interface Held {
  readonly number: BatchNumber;
  readonly envelope: Envelope;
}

/** The writes of one node, in the order of their numbers. */
export class WriteQueue {
  readonly #log: RaftLog;
  #lastNumber: BatchNumber;
  #persistedNumber: BatchNumber;
  /** Oldest first; never many. */
  readonly #inFlight: InFlight[] = [];
  readonly #held = new Queue<Held>();
  /** Entries up to here were handed out in a write. */
  #writtenIndex: Index;
  #hardStateChanged = false;
  /** The write that covers the newest term and vote. */
  #hardStateNumber: BatchNumber;
  #truncateFrom: Index | undefined;
  #snapshot: SnapshotMeta | undefined;
  #compactTo: Boundary | undefined;

  constructor(log: RaftLog, batchNumber: BatchNumber) {
    this.#log = log;
    this.#lastNumber = batchNumber;
    this.#persistedNumber = batchNumber;
    this.#hardStateNumber = batchNumber;
    this.#writtenIndex = log.lastIndex;
  }

  /** The number of the write that covers everything decided up to now. */
  get coveringNumber(): BatchNumber {
    return this.#isDirty() ? this.#lastNumber + 1 : this.#lastNumber;
  }

  get persistedNumber(): BatchNumber {
    return this.#persistedNumber;
  }

  /** Since when the oldest write is under way; undefined when none is. */
  get oldestSinceMs(): number | undefined {
    return this.#inFlight[0]?.sinceMs;
  }

  markHardState(): void {
    this.#hardStateChanged = true;
    this.#hardStateNumber = this.coveringNumber;
  }

  /** Whether a restart would find the term and the vote of now. */
  isHardStateDurable(): boolean {
    return this.#hardStateNumber <= this.#persistedNumber;
  }

  /**
   * Entries `from` … were replaced in the log. Writes under way do not speak for that place any
   * more, even if the same entries come back: a later write takes them away first (ABA).
   */
  markTruncated(from: Index): void {
    for (const inFlight of this.#inFlight) {
      if (inFlight.last.index >= from) inFlight.last = this.#log.positionAt(from - 1);
    }
    // Storage was never told of the others; behind an image that is to be written it has nothing.
    if (from > this.#writtenIndex) return;
    this.#truncateFrom = from;
    this.#writtenIndex = from - 1;
  }

  /**
   * An image replaced the whole log. What is under way was of the log before it, and speaks for
   * nothing behind the image, even if the same entries come again.
   */
  markSnapshot(meta: SnapshotMeta): void {
    for (const inFlight of this.#inFlight) inFlight.last = meta.position;
    this.#snapshot = meta;
    this.#truncateFrom = undefined;
    this.#compactTo = undefined;
    this.#writtenIndex = meta.position.index;
  }

  markCompacted(to: Boundary): void {
    this.#compactTo = to;
  }

  /** Returns the envelope when it may leave at once, else holds it until its write is durable. */
  hold(envelope: Envelope): Envelope | undefined {
    const number = this.coveringNumber;
    if (number <= this.#persistedNumber) return envelope;
    this.#held.push({ number, envelope });
    return undefined;
  }

  /** A new term began: what was held for the old one says nothing that anybody may still use. */
  dropHeld(): void {
    this.#held.clear();
  }

  /** The next write, when there is something to write. */
  take(hardState: HardState, nowMs: number): LogWrite | undefined {
    if (!this.#isDirty()) return undefined;
    const write: LogWrite = {
      number: ++this.#lastNumber,
      // commitIndex rides along with whatever is written anyway.
      hardState,
      ...(this.#snapshot && { snapshot: this.#snapshot }),
      ...(this.#truncateFrom !== undefined && { truncateFrom: this.#truncateFrom }),
      entries: this.#log.unwritten(this.#writtenIndex),
      ...(this.#compactTo && { compactTo: this.#compactTo }),
    };
    this.#inFlight.push({ number: write.number, last: this.#log.last, sinceMs: nowMs });
    this.#writtenIndex = this.#log.lastIndex;
    this.#hardStateChanged = false;
    this.#truncateFrom = undefined;
    this.#snapshot = undefined;
    this.#compactTo = undefined;
    return write;
  }

  /** Write `number` and all before it are durable. Returns what they held back. */
  persisted(number: BatchNumber): readonly Envelope[] {
    assert(
      number > this.#persistedNumber && number <= this.#lastNumber,
      `Persisted ${number} is not in ${this.#persistedNumber + 1} … ${this.#lastNumber}`,
    );
    this.#persistedNumber = number;
    while (this.#inFlight[0] !== undefined && this.#inFlight[0].number <= number) {
      this.#log.stableTo(this.#inFlight.shift()!.last);
    }
    const released: Envelope[] = [];
    let held = this.#held.peek();
    while (held !== undefined && held.number <= number) {
      released.push(held.envelope);
      this.#held.shift();
      held = this.#held.peek();
    }
    return released;
  }

  #isDirty(): boolean {
    return this.#hardStateChanged || this.#truncateFrom !== undefined ||
      this.#snapshot !== undefined || this.#compactTo !== undefined ||
      this.#log.lastIndex > this.#writtenIndex;
  }
}
