/** Which answers have left: Bun tells nobody. */

const lookEveryMs = 20;

interface LeavingAnswer {
  readonly hasLeft: () => boolean;
  readonly handler: () => void;
}

/** The answers of one listener that somebody watches. */
export class LeavingAnswers {
  readonly #watched = new Set<LeavingAnswer>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Calls `handler` once `hasLeft`. */
  watch(answer: LeavingAnswer): void {
    this.#watched.add(answer);
    this.#lookLater();
  }

  #lookLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const answer of this.#watched) {
        if (!answer.hasLeft()) continue;
        this.#watched.delete(answer);
        answer.handler();
      }
      if (this.#watched.size > 0) this.#lookLater();
    }, lookEveryMs);
  }
}
