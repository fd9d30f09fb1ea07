/**
 * The way out of a call with many answers: no faster than the client takes them. Below the library
 * waits at most one answer, or a few small ones; large ones are counted in the memory of all
 * answers until they have left. Who takes nothing for long is cut off.
 */

import { type ByteBudget, ByteShare } from "../lib/byte_budget.ts";
import type { Incoming } from "./incoming.ts";

/** So much may wait below before the next answer is asked for; larger answers are counted. */
const aheadBytesMax = 64 * 1024;
/** How long a client may leave answers where they are, before it is cut off. */
export interface FlowPatience {
  /** While others wait behind them, ms. */
  readonly untakenMsMax: number;
  /** When the call is over, ms. */
  readonly lastMsMax: number;
}

/** As over HTTP (http/stream.ts). */
const defaultPatience: FlowPatience = { untakenMsMax: 180_000, lastMsMax: 60_000 };
/** In front of each message (the length-prefixed message of the gRPC specification). */
const prefixBytes = 5;

/** What it needs of its call. */
export type FlowOut = Pick<Incoming, "onSent" | "cut" | "isClosed" | "onClosed">;

/** See the head of this file. One call. */
export class AnswerFlow {
  readonly #incoming: FlowOut;
  readonly #answers: ByteBudget;
  readonly #patience: FlowPatience;
  readonly #stopCounting: (() => void) | undefined;
  #untakenBytes = 0;
  #share: ByteShare | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wake: () => void = () => {};
  #isOver = false;

  constructor(
    incoming: FlowOut,
    answers: ByteBudget,
    patience: FlowPatience = defaultPatience,
  ) {
    this.#patience = patience;
    this.#incoming = incoming;
    this.#answers = answers;
    this.#stopCounting = incoming.onSent((bytes) => this.#taken(bytes));
  }

  /** False where too many answers wait in memory for their clients. */
  hasRoomFor(bytes: number): boolean {
    if (bytes <= aheadBytesMax) return true;
    this.#share = new ByteShare(this.#answers);
    return this.#share.take(bytes);
  }

  /**
   * Resolves when the next answer may follow. `write` hands the one of `bytes` bytes to the
   * library, and calls back when that says it is done.
   */
  async write(bytes: number, write: (done: () => void) => void): Promise<void> {
    this.writeNow(bytes, write);
    while (this.#untakenBytes > aheadBytesMax && !this.#isOver) {
      this.#timer = setTimeout(() => this.#incoming.cut(), this.#patience.untakenMsMax);
      await new Promise<void>((resolve) => this.#wake = resolve);
      clearTimeout(this.#timer);
    }
    if (!this.#isOver) this.#share?.release();
  }

  /** As {@link write}, for who does not wait: {@link untakenBytes} is his to look at. */
  writeNow(bytes: number, write: (done: () => void) => void): void {
    const all = bytes + prefixBytes;
    this.#untakenBytes += all;
    write(() => {
      if (this.#stopCounting === undefined) this.#taken(all);
    });
  }

  /** What was written and has not left yet. */
  get untakenBytes(): number {
    return this.#untakenBytes;
  }

  /** Nothing more is written. What waits may still be taken. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#wake();
    clearTimeout(this.#timer);
    if (this.#incoming.isClosed) return this.#forget();
    const timer = setTimeout(() => this.#incoming.cut(), this.#patience.lastMsMax);
    this.#incoming.onClosed(() => {
      clearTimeout(timer);
      this.#forget();
    });
  }

  #taken(bytes: number): void {
    this.#untakenBytes -= bytes;
    this.#wake();
  }

  #forget(): void {
    this.#stopCounting?.();
    this.#share?.release();
  }
}
