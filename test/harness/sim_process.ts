/**
 * A process of the simulation: everything that happens to a node passes through here, so that a
 * pause holds it all back and a kill ends it all at once.
 */

import type { Prng } from "../../src/lib/prng.ts";
import type { SimScheduler } from "./sim_scheduler.ts";

export class SimProcess {
  readonly name: string;
  readonly #scheduler: SimScheduler;
  readonly #prng: Prng;
  #heldBack: (() => void)[] = [];
  #state: "running" | "paused" | "dead" = "running";

  constructor(name: string, parts: { readonly scheduler: SimScheduler; readonly prng: Prng }) {
    this.name = name;
    this.#scheduler = parts.scheduler;
    this.#prng = parts.prng;
  }

  get isAlive(): boolean {
    return this.#state !== "dead";
  }

  /** Runs `callback` now, after the pause, or never, as the process is. */
  run(callback: () => void): void {
    if (this.#state === "running") callback();
    else if (this.#state === "paused") this.#heldBack.push(callback);
  }

  /** SIGSTOP, a suspended machine, a long garbage collection. */
  pause(): void {
    if (this.#state !== "running") return;
    this.#state = "paused";
    this.#scheduler.trace(`${this.name} pauses`);
  }

  /**
   * What was held back runs now, in an order drawn at random: a real process finds timers and
   * sockets ready at once and may take either first. Not all of it at once but within `spreadUs`:
   * a process reads its sockets piece by piece, and serves some clients before others.
   */
  resume(spreadUs = 0): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    this.#scheduler.trace(`${this.name} resumes`);
    const waiting = this.#heldBack;
    this.#heldBack = [];
    while (waiting.length > 0) {
      const [next] = waiting.splice(this.#prng.below(waiting.length), 1);
      const afterUs = spreadUs === 0 ? 0 : this.#prng.below(spreadUs);
      if (next !== undefined) this.#scheduler.after(afterUs, () => this.run(next));
    }
  }

  /** kill -9. Nothing of this process ever runs again; a restart is a new SimProcess. */
  kill(): void {
    if (this.#state === "dead") return;
    this.#state = "dead";
    this.#heldBack = [];
    this.#scheduler.trace(`${this.name} dies`);
  }
}
