/**
 * Lets the scrub (kv/scrub.ts) go over the store from time to time, at a limited rate: a little at
 * a time, so that nobody who is served waits for it. What it finds ends the node, by the error that
 * a step throws.
 */

import type { ScrubCount, ScrubPass } from "../kv/scrub.ts";

/** How often {@link Scrubber.look} is to be called, ms. */
export const scrubLookEveryMs = 1_000;
/** The first pass does not begin while a node that has only just started has enough to do, ms. */
export const firstPassAfterMs = 60_000;
/** While a pass is under way, it goes on so often, ms. */
const goOnEveryMs = 4;
/** Of that, so much is spent on it at most, ms. */
const spentMsMax = 2;
/** A turn that comes late by so much says that the node has other work, ms. */
const lateMs = 2;
/** While it has, the pass goes on so often only, ms. */
const busyEveryMs = 10;
/** A step takes less than a millisecond; where time stands still, their number is the bound. */
const stepsMax = 64;
/** What the rate has left unused longer ago than this is lost, ms. */
const creditMsMax = 500;

/** What the scrubber works with. */
export interface ScrubberParts {
  /** Begins a pass; undefined: not now. */
  readonly begin: () => Pick<ScrubPass, "step" | "count"> | undefined;
  /** 0: never. */
  readonly bytesPerSecond: number;
  /** From the beginning of one pass to that of the next one. */
  readonly intervalMs: number;
  readonly monotonicMs: () => number;
  /** Calls `run` every so many ms until the returned function is called. */
  readonly every: (ms: number, run: () => void) => () => void;
  readonly onPass: (pass: FinishedPass) => void;
}

/** A pass that has come to its end, and found nothing. */
export interface FinishedPass extends ScrubCount {
  readonly tookMs: number;
}

/** A pass that is under way. */
interface Running {
  readonly pass: Pick<ScrubPass, "step" | "count">;
  readonly beganMs: number;
  readonly stop: () => void;
  /** Until then the rate has been counted. */
  countedMs: number;
  /** So much may be looked at now. */
  credit: number;
  /** When it went on last. */
  wentOnMs: number;
}

/** See the head of this file. */
export class Scrubber {
  readonly #parts: ScrubberParts;
  #running: Running | undefined;
  #nextMs: number;

  constructor(parts: ScrubberParts) {
    this.#parts = parts;
    this.#nextMs = parts.monotonicMs() + Math.min(parts.intervalMs, firstPassAfterMs);
  }

  /** Begins a pass where it is time for one. */
  look(): void {
    const { begin, bytesPerSecond, monotonicMs, every } = this.#parts;
    const nowMs = monotonicMs();
    if (bytesPerSecond === 0 || this.#running !== undefined || nowMs < this.#nextMs) return;
    const pass = begin();
    if (pass === undefined) return;
    const stop = every(goOnEveryMs, () => this.#goOn());
    this.#running = { pass, beganMs: nowMs, stop, countedMs: nowMs, credit: 0, wentOnMs: nowMs };
  }

  stop(): void {
    this.#running?.stop();
    this.#running = undefined;
  }

  #goOn(): void {
    const { bytesPerSecond, monotonicMs } = this.#parts;
    const running = this.#running;
    if (running === undefined) return;
    const nowMs = monotonicMs();
    const sinceMs = nowMs - running.countedMs;
    const perMs = bytesPerSecond / 1_000;
    running.credit = Math.min(running.credit + sinceMs * perMs, creditMsMax * perMs);
    running.countedMs = nowMs;
    const isBusy = sinceMs >= goOnEveryMs + lateMs;
    if (isBusy && nowMs - running.wentOnMs < busyEveryMs) return;
    running.wentOnMs = nowMs;
    for (let steps = 0; steps < stepsMax && running.credit > 0; steps++) {
      if (!this.#step(running) || monotonicMs() - nowMs >= spentMsMax) return;
    }
  }

  /** Whether the pass goes on. */
  #step(running: Running): boolean {
    const { pass, beganMs } = running;
    const { bytes } = pass.count;
    const progress = pass.step();
    running.credit -= pass.count.bytes - bytes;
    if (progress === "more") return true;
    this.stop();
    const { monotonicMs, intervalMs, onPass } = this.#parts;
    // One that has lost its ground begins anew at the next look.
    if (progress === "void") return false;
    this.#nextMs = beganMs + intervalMs;
    onPass({ ...pass.count, tookMs: monotonicMs() - beganMs });
    return false;
  }
}
