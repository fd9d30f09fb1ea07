/** What many runs came to together: counts, speed, and whether they reached what they should. */

import { floors, type RareState } from "./rare_states.ts";
import type { RunReport } from "./simulation.ts";

/** The floors are for so many seeds. */
const floorSeeds = 10_000;
/** A run of fewer seeds is not asked for rare states: that it misses some is chance. */
const longRunSeeds = 1_000;

export class Tally {
  runs = 0;
  events = 0;
  virtualUs = 0;
  faults = 0;
  calls = 0;
  changes = 0;
  readonly rare = new Map<RareState, number>();
  /** Events a second, of each run. */
  readonly #rates: number[] = [];

  /** `ms`: how long the run took. */
  add(report: Omit<RunReport, "history" | "transcript">, ms: number): void {
    this.runs++;
    this.#rates.push(report.events / (ms / 1_000));
    this.events += report.events;
    this.virtualUs += report.virtualUs;
    this.faults += report.faults.length;
    this.calls += report.calls;
    this.changes += report.changes;
    for (const [state, count] of report.rare) {
      this.rare.set(state, (this.rare.get(state) ?? 0) + count);
    }
  }

  /** One line; `ms` is what all of it took. */
  summary(ms: number): string {
    const perSecond = ms === 0 ? 0 : Math.round(this.events / (ms / 1_000));
    const hours = (this.virtualUs / 3_600_000_000).toFixed(1);
    return `${this.runs} seeds, ${this.events} events, ${hours} simulated hours, ` +
      `${this.calls} calls, ${this.changes} changes of members, ${this.faults} faults, ` +
      `${perSecond} events/s (median of the seeds ${Math.round(this.#median())})`;
  }

  #median(): number {
    const sorted = [...this.#rates].sort((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? 0;
  }

  /** A line for each rare state: how often it was seen, and the floor for so many seeds. */
  rareLines(): readonly string[] {
    return states().map((state) => {
      const seen = String(this.rare.get(state) ?? 0).padStart(8);
      return `${seen}  ${state} (at least ${this.#floor(state)})`;
    });
  }

  /** States of which a long run has seen too few. */
  missing(): readonly RareState[] {
    if (this.runs < longRunSeeds) return [];
    return states().filter((state) => (this.rare.get(state) ?? 0) < this.#floor(state));
  }

  #floor(state: RareState): number {
    return Math.max(1, Math.floor((floors[state] * this.runs) / floorSeeds));
  }
}

function states(): readonly RareState[] {
  return Object.keys(floors) as RareState[];
}
