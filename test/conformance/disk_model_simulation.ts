/**
 * What SimDisk allows: a script runs on it, the disk crashes at every instant between two events,
 * and for each with as many seeds as it takes until nothing new is found.
 */

import { SimClock } from "../harness/sim_clock.ts";
import { SimDisk } from "../harness/sim_disk.ts";
import { SimProcess } from "../harness/sim_process.ts";
import { SimScheduler } from "../harness/sim_scheduler.ts";
import { assert } from "../harness/test.ts";
import { Prng } from "../../src/lib/prng.ts";
import { FatalStorageError } from "../../src/node/ports.ts";
import {
  type Moment,
  type OpenedDisk,
  type Recovered,
  recoveredOf,
  textOf,
} from "./disk_model_run.ts";
import { type DiskScript, type DiskStep, stepsOf } from "./disk_model_scripts.ts";

/** All writes take equally long, so that an instant is the same one for every seed. */
const latencyUs = 100;
/** The engine's retry every 500 ms comes as often as the device's own: instants are saved. */
const clockRatePermille = 10_000;
/** While the disk is full so many events pass, tries of both kinds among them. */
const fullEvents = 4;
/** For each write under way; with n + 1 outcomes, one stays unseen in 1 of 10^5 instants. */
const quietSeeds = 12;

/** The states of a script on SimDisk, and which of them a crash may leave. */
export interface DiskModel {
  /** After so many steps, undisturbed. */
  readonly states: readonly Recovered[];
  /** By {@link Moment}; a moment at which the model never is allows nothing. */
  allowed(moment: Moment): readonly Recovered[];
  readonly moments: readonly Moment[];
}

/** Finds all of it out. */
export function modelOf(script: DiskScript): DiskModel {
  const [states, moments]: [Recovered[], Moment[]] = [[], []];
  const undisturbed = new SimulatedPlace(0);
  for (const moment of play(script, undisturbed)) {
    if (moment.done === states.length) states.push(recoveredOf(undisturbed.opened));
    moments.push(moment);
  }
  const outcomes = new Map<string, Map<string, Recovered>>();
  for (const [instant, moment] of moments.entries()) {
    const found = outcomes.get(textOf(moment)) ?? new Map<string, Recovered>();
    outcomes.set(textOf(moment), found);
    const quietMax = quietSeeds * (moment.handed - moment.done + 1);
    for (let seed = 0, quiet = 0; quiet < quietMax; seed++, quiet++) {
      const recovered = crashedAt(script, instant, seed);
      if (!found.has(recovered.text)) quiet = 0;
      found.set(recovered.text, recovered);
    }
  }
  return {
    states,
    moments,
    allowed: (moment) => [...outcomes.get(textOf(moment))?.values() ?? []],
  };
}

/** The same for a disk on which the write under way fails where it is called. */
export function failingModelOf(script: DiskScript): DiskModel {
  const model = modelOf(script);
  const failed = stepsOf(script).map((step, at) =>
    step.kind === "write" ? failedWrites(script, at) : undefined
  );
  return {
    ...model,
    allowed: (moment) =>
      (moment.handed > moment.done ? failed[moment.done] : undefined) ?? model.allowed(moment),
  };
}

/** What a crash leaves behind the failure of the step behind `before` others. */
function failedWrites(script: DiskScript, before: number): readonly Recovered[] {
  const found = new Map<string, Recovered>();
  for (let seed = 0, quiet = 0; quiet < quietSeeds * 2; seed++, quiet++) {
    const place = new SimulatedPlace(seed);
    const instants = play(script, place);
    let instant = instants.next();
    while (instant.done !== true && instant.value.handed <= before) instant = instants.next();
    place.disk.failNextWrite();
    assert.throws(() => instants.next(), FatalStorageError);
    const recovered = place.crashed(`the failure of step ${before + 1}`);
    if (!found.has(recovered.text)) quiet = 0;
    found.set(recovered.text, recovered);
  }
  return [...found.values()];
}

/** One process after the other on one SimDisk. */
class SimulatedPlace {
  readonly scheduler = new SimScheduler();
  readonly prng: Prng;
  readonly disk: SimDisk;
  #process!: SimProcess;
  opened!: OpenedDisk;

  constructor(seed: number) {
    this.prng = new Prng(seed);
    this.disk = new SimDisk(this, { latencyMinUs: latencyUs, latencyMaxUs: latencyUs });
    this.#start();
  }

  crash(): void {
    this.#process.kill();
    this.disk.crash();
    this.#start();
  }

  /** What the next process finds, and would find on a copy of the disk too. */
  crashed(when: string): Recovered {
    this.crash();
    const recovered = recoveredOf(this.opened);
    this.disk.restore(this.disk.image());
    this.crash();
    assert.equal(recoveredOf(this.opened).text, recovered.text, `a copy after ${when}`);
    return recovered;
  }

  #start(): void {
    this.#process = new SimProcess("n1", this);
    this.opened = this.disk.open({
      process: this.#process,
      clock: new SimClock({ scheduler: this.scheduler, process: this.#process }, {
        ratePermille: clockRatePermille,
      }),
      onFatal: (error) => assert.fail(error),
    });
  }
}

/** Runs a script as runScript does, and stops at every instant. */
function* play(script: DiskScript, place: SimulatedPlace): Generator<Moment, void> {
  const { scheduler, disk } = place;
  let [handed, done, isFull] = [0, 0, false];
  const now = (): Moment => ({ handed, done, isFull });
  yield now();
  for (const bunch of script.bunches) {
    isFull = bunch.length > 1;
    if (isFull) disk.log.freeBytes = -1;
    for (const step of bunch) {
      handed++;
      yield now();
      take(place, step, () => done++);
      yield now();
    }
    for (let event = 0; isFull && event < fullEvents; event++) {
      scheduler.step();
      yield now();
    }
    isFull = false;
    disk.log.freeBytes = Infinity;
    while (done < handed) {
      yield now();
      scheduler.step();
    }
    yield now();
  }
}

function take(place: SimulatedPlace, step: DiskStep, done: () => void): void {
  switch (step.kind) {
    case "write":
      return place.opened.storage.persist(step.write, done);
    case "identity":
      return place.opened.identity.save(step.identity, done);
    case "discard":
      place.crash();
      place.opened.storage.discard(step.from, step.hardState);
      // In the simulator nothing comes between, and in the world it does: an instant of its own.
      place.scheduler.after(0, done);
  }
}

function crashedAt(script: DiskScript, instant: number, seed: number): Recovered {
  const place = new SimulatedPlace(seed);
  const instants = play(script, place);
  for (let at = 0; at <= instant; at++) instants.next();
  return place.crashed(`instant ${instant}`);
}
