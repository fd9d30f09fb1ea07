/** The candidacy of a node that forgets everything when it ends. */

import type { CandidacyStore } from "../../node/ports.ts";

/** Holds it for as long as it lives. */
export class MemoryCandidacy implements CandidacyStore {
  #incarnation: string | undefined;

  load(): string | undefined {
    return this.#incarnation;
  }

  save(incarnation: string): void {
    this.#incarnation = incarnation;
  }

  remove(): void {
    this.#incarnation = undefined;
  }
}
