/** Holds what real disks leave against what SimDisk allows, in both directions. */

import { assert } from "../harness/test.ts";
import { type Moment, type Recovered, recoveredAt, runScript, textOf } from "./disk_model_run.ts";
import { type DiskScript, restOf, stepsOf } from "./disk_model_scripts.ts";
import type { DiskModel } from "./disk_model_simulation.ts";
import type { Crashed } from "./disk_model_places.ts";

/** One script on one backend. */
export class Comparison {
  readonly #script: DiskScript;
  readonly #model: DiskModel;
  readonly #marksAreKept: boolean;
  readonly #seen: { readonly moment: Moment; readonly recovered: Recovered }[] = [];
  /** How often a mark was older than its log, which it never is on SimDisk. */
  oldMarks = 0;
  /** How often a discard that was cut short left a log that tells a loss. */
  halfDiscards = 0;

  /** `marksAreKept`: a mark that was written is there, as it is when the power stays. */
  constructor(parts: {
    readonly script: DiskScript;
    readonly model: DiskModel;
    readonly marksAreKept: boolean;
  }) {
    this.#script = parts.script;
    this.#model = parts.model;
    this.#marksAreKept = parts.marksAreKept;
  }

  /** What was left is a state that the model allows, and from it the script comes to its end. */
  check({ moment, place, crashAgain }: Crashed, where: string): void {
    const at = `${where}, at ${textOf(moment)}`;
    const recovered = recoveredAt(place);
    if (crashAgain !== undefined) {
      crashAgain();
      assert.equal(recoveredAt(place).text, recovered.text, `${at}: found after another crash`);
    }
    const { states } = this.#model;
    const isHalf = this.#isHalfDiscarded(moment, recovered);
    if (isHalf) this.halfDiscards++;
    else this.#checkState({ moment, recovered }, at);
    const stepsThere = isHalf ? moment.done : this.#stepsIn(recovered);
    assert.ok(stepsThere >= 0, `${at}: ${recovered.label} is no whole number of steps`);
    this.#checkMark({ recovered, moment, stepsThere }, at);
    runScript(restOf(this.#script, stepsThere), place);
    crashAgain?.();
    assert.equal(recoveredAt(place).text, states.at(-1)!.text, `${at}: at the end`);
  }

  /**
   * The model does not fear what cannot be. While a bunch is under way the real disk was found in
   * every state that the model allows. At one moment of it the model allows more: of several writes
   * any number may be durable and none told, as an engine may have it that syncs them together, and
   * ours, which tell each before they begin the next, were one ahead at most.
   */
  assertAllSeen(): void {
    let from = 0;
    for (const { length } of this.#script.bunches) {
      const to = from + length;
      const moments = this.#model.moments.filter(({ handed, done }) => handed > from && done < to);
      this.#assertSeen(moments, () => true);
      for (const moment of moments) {
        if (!this.#seen.some((each) => textOf(each.moment) === textOf(moment))) continue;
        this.#assertSeen([moment], (stepsThere) => stepsThere <= moment.done + 1);
      }
      from = to;
    }
    assert.equal(from, stepsOf(this.#script).length);
  }

  /** What the model allows at these moments, and is due, was found at one of them. */
  #assertSeen(moments: readonly Moment[], isDue: (stepsThere: number) => boolean): void {
    const names = moments.map((moment) => textOf(moment));
    const seen = this.#seen.filter(({ moment }) => names.includes(textOf(moment)));
    const texts = new Set(seen.map(({ recovered }) => recovered.text));
    const unseen = moments.flatMap((moment) => this.#model.allowed(moment)).filter((state) =>
      !texts.has(state.text) && isDue(this.#stepsIn(state))
    );
    assert.equal(labels(unseen), "", `the model alone allows it at ${[...new Set(names)].join()}`);
  }

  /** How many steps a disk holds; -1 for one that holds no whole number of them. */
  #stepsIn(recovered: Recovered): number {
    return this.#model.states.findIndex(({ text }) => text === recovered.text);
  }

  #checkState(
    { moment, recovered }: { readonly moment: Moment; readonly recovered: Recovered },
    where: string,
  ): void {
    const allowed = this.#model.allowed(moment);
    assert.ok(
      allowed.some(({ text }) => text === recovered.text),
      `${where}: found ${recovered.label}; the model allows ${labels(allowed)}: ${recovered.text}`,
    );
    this.#seen.push({ moment, recovered });
  }

  /**
   * The file engine, cut short in a discard, tells damage behind the last entry and has the new
   * hard state already. SimDisk knows no such state, and need not: a node that finds damage
   * recovers and discards again, as it would if it found the log of before.
   */
  #isHalfDiscarded(moment: Moment, { firstBad }: Recovered): boolean {
    const isDiscard = stepsOf(this.#script)[moment.done]?.kind === "discard";
    return isDiscard && moment.handed > moment.done && firstBad !== undefined;
  }

  /** Never ahead of the log, which would mean a loss, and never older than what was told. */
  #checkMark(
    of: { readonly recovered: Recovered; readonly moment: Moment; readonly stepsThere: number },
    where: string,
  ): void {
    const { recovered, moment, stepsThere } = of;
    const marks = this.#model.states.map(({ mark }) => textOf(mark));
    const mark = textOf(recovered.mark);
    const possible = marks.slice(this.#marksAreKept ? moment.done : 0, stepsThere + 1);
    assert.ok(possible.includes(mark), `${where}: mark ${mark}, possible is ${possible.join()}`);
    if (mark !== marks[stepsThere]) this.oldMarks++;
  }
}

/** Each once, sorted. */
function labels(states: readonly Recovered[]): string {
  return [...new Set(states.map(({ label }) => label))].sort().join("; ");
}
