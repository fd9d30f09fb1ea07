/**
 * One seed after the other, and what they came to together: told whatever ends them, for hours of
 * counting are worth as much when the last seed broke something, or when somebody wants to stop.
 */

import type { RunReport } from "../../test/simulation/simulation.ts";
import { Tally } from "../../test/simulation/tally.ts";

/** What is known of a seed that was run: all that can be sent from one thread to another. */
export interface SeedReport extends Omit<RunReport, "history" | "transcript"> {
  /** How long it took. */
  readonly ms: number;
}

export interface ManySeedsParts {
  /** The first of them. */
  readonly from: number;
  /** So many at most. */
  readonly count: number;
  /** None begins when so much time has passed. */
  readonly forMs: number;
  readonly nowMs: () => number;
  readonly run: (seed: number) => Promise<SeedReport>;
  /** Tells people of a seed that has broken something. */
  readonly failed: (seed: number) => void;
  readonly print: (line: string) => void;
}

export class ManySeeds {
  readonly #parts: ManySeedsParts;
  readonly #tally = new Tally();
  readonly #startMs: number;
  #seed: number;

  constructor(parts: ManySeedsParts) {
    this.#parts = parts;
    this.#startMs = parts.nowMs();
    this.#seed = parts.from;
  }

  /** The exit code: 1 where something is broken, or a rare state was seen too seldom. */
  async run(): Promise<number> {
    const { from, count, forMs, run, failed } = this.#parts;
    while (this.#seed < from + count) {
      const report = await run(this.#seed);
      this.#tally.add(report, report.ms);
      if (report.violation !== undefined) {
        failed(this.#seed);
        this.tell();
        return 1;
      }
      this.#seed++;
      if (this.#elapsedMs() >= forMs) break;
    }
    const missing = this.#tally.missing();
    this.tell(missing.map((state) => `too seldom: ${state}`));
    return missing.length === 0 ? 0 : 1;
  }

  /** One line: which seed is at work, and what those before it came to. */
  get progress(): string {
    const lines = this.#tally.rareLines();
    return `seed ${this.#seed} is at work: ${this.#tally.summary(this.#elapsedMs())}, ` +
      `${this.#tally.rare.size} of ${lines.length} rare states seen`;
  }

  /** Prints all that was counted so far, with `remarks` before the sums. */
  tell(remarks: readonly string[] = []): void {
    const { print } = this.#parts;
    for (const line of this.#tally.rareLines()) print(line);
    for (const line of remarks) print(line);
    print(this.#tally.summary(this.#elapsedMs()));
  }

  #elapsedMs(): number {
    return this.#parts.nowMs() - this.#startMs;
  }
}
