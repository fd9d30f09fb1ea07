/** The cluster as it is, and as it becomes, for the methods that tell of it. */

import type { ClusterOutline, OpenClusterWatch } from "../service/contract.ts";
import { ServiceError } from "../service/errors.ts";
import type { AnswerSource, CallMetadata } from "./call.ts";

/** How often it is looked whether anybody still listens; nothing is sent then. */
const lookEveryMs = 30_000;

/** How changes are told, and which. */
export interface ClusterAnswers<Answer> {
  readonly headers: CallMetadata;
  readonly answer: (outline: ClusterOutline) => Answer;
  readonly isWanted: (changed: { readonly members: boolean }) => boolean;
}

/** Tells what is at once, and again after each change that is wanted. */
export class ClusterSource<Answer> implements AnswerSource<Answer> {
  readonly headers: CallMetadata;
  readonly #watch: OpenClusterWatch;
  readonly #answers: ClusterAnswers<Answer>;
  #isFirst = true;

  constructor(watch: OpenClusterWatch, answers: ClusterAnswers<Answer>) {
    this.headers = answers.headers;
    this.#watch = watch;
    this.#answers = answers;
  }

  async next(): Promise<Answer | undefined> {
    const { answer, isWanted } = this.#answers;
    if (this.#isFirst) {
      this.#isFirst = false;
      return answer(this.#watch.outline);
    }
    for (;;) {
      const frame = await this.#watch.next({ ms: lookEveryMs });
      if (frame.kind === "closing") throw ended();
      if (frame.kind === "changed" && isWanted(frame)) return answer(frame.outline);
    }
  }

  close(): void {
    this.#watch.close();
  }
}

/** How a stream ends with its node: its client goes on at another one. */
export function ended(): ServiceError {
  return new ServiceError("draining", "This node shuts down", {
    retryable: true,
    retryAfterMs: 1_000,
  });
}
