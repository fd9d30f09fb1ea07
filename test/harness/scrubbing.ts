/** Passes of the scrub, one after the other, a step at a time: what the chore of a node does. */

import type { ScrubPass } from "../../src/kv/scrub.ts";
import type { KvStateMachine } from "../../src/kv/state_machine.ts";

export class Scrubbing {
  #pass: ScrubPass | undefined;
  #machine: KvStateMachine | undefined;
  /** How many passes came to their end. */
  ended = 0;
  /** How many had to be begun anew. */
  voided = 0;

  step(machine: KvStateMachine): void {
    if (this.#pass === undefined || this.#machine !== machine) {
      this.#pass = machine.audit.scrub();
      this.#machine = machine;
    }
    const progress = this.#pass?.step();
    if (progress === "more") return;
    this.#pass = undefined;
    if (progress === "ended") this.ended++;
    else this.voided++;
  }
}

/** One whole pass, from beginning to end. */
export function scrubAll(machine: KvStateMachine): void {
  const scrubbing = new Scrubbing();
  while (scrubbing.ended === 0) scrubbing.step(machine);
}
