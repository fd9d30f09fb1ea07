/** The Clock of a simulated process: virtual time, with the faults that real clocks have. */

import type { Clock } from "../../src/node/ports.ts";
import type { SimProcess } from "./sim_process.ts";
import type { SimScheduler } from "./sim_scheduler.ts";

export interface SimClockOptions {
  /** How fast the clock runs, in thousandths: 1,100 gains 10 %. 1,000 when absent. */
  readonly ratePermille?: number;
  /** Wall time at virtual time 0, in ms. */
  readonly wallStartMs?: number;
}

/** Some day, so that wall time and monotonic time are never mistaken for each other. */
const someDayMs = 1_800_000_000_000;

export class SimClock implements Clock {
  readonly #scheduler: SimScheduler;
  readonly #process: SimProcess;
  #ratePermille: number;
  #wallOffsetMs: number;
  /** The clock showed `#baseLocalUs` at `#baseUs`, when its rate was set. */
  #baseUs: number;
  #baseLocalUs: number;

  constructor(
    parts: { readonly scheduler: SimScheduler; readonly process: SimProcess },
    options: SimClockOptions = {},
  ) {
    this.#scheduler = parts.scheduler;
    this.#process = parts.process;
    this.#ratePermille = options.ratePermille ?? 1_000;
    this.#wallOffsetMs = options.wallStartMs ?? someDayMs;
    this.#baseUs = parts.scheduler.nowUs;
    this.#baseLocalUs = parts.scheduler.nowUs;
  }

  monotonicMs(): number {
    return Math.floor(this.#localUs() / 1_000);
  }

  wallMs(): number {
    return this.#wallOffsetMs + this.monotonicMs();
  }

  /** A timer that came due several times during a pause fires once after it. */
  every(intervalMs: number, run: () => void): () => void {
    let stopped = false;
    let cancel = (): void => {};
    const wait = (): void => {
      const delayUs = Math.ceil((intervalMs * 1_000 * 1_000) / this.#ratePermille);
      cancel = this.#scheduler.after(delayUs, () =>
        this.#process.run(() => {
          if (stopped) return;
          wait();
          run();
        }));
    };
    wait();
    return () => {
      stopped = true;
      cancel();
    };
  }

  soon(run: () => void): void {
    this.#scheduler.after(0, () => this.#process.run(run));
  }

  /** Somebody sets the date. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /**
   * The machine is suspended until the returned function is called: the monotonic clock has stood
   * still then, and the date has gone on.
   */
  suspend(): () => void {
    const localUs = this.#localUs();
    return () => {
      this.#wallOffsetMs += Math.floor((this.#localUs() - localUs) / 1_000);
      this.#baseLocalUs = localUs;
      this.#baseUs = this.#scheduler.nowUs;
    };
  }

  /** The clock goes on from where it is, at another speed. */
  setRate(ratePermille: number): void {
    this.#baseLocalUs = this.#localUs();
    this.#baseUs = this.#scheduler.nowUs;
    this.#ratePermille = ratePermille;
  }

  #localUs(): number {
    const elapsedUs = this.#scheduler.nowUs - this.#baseUs;
    return this.#baseLocalUs + Math.floor((elapsedUs * this.#ratePermille) / 1_000);
  }
}
