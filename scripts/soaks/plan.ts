/** What one run of a soak is told, and how its requests are repeated. */

import type { Prng } from "../../src/lib/prng.ts";
import { type OnceAnswer, requestOnce } from "../../test/harness/http_once.ts";
import type { Build, ProcessCluster } from "../../test/harness/processes.ts";
import { pause } from "../../test/harness/wait.ts";

/** One run of a soak. */
export interface Plan {
  readonly seed: number;
  /** Of load. */
  readonly seconds: number;
  readonly builds: readonly Build[];
  readonly clients: number;
  readonly keys: number;
  /** Of events, increments or leases. */
  readonly count: number;
}

/** One run of a soak; throws where a promise was broken. Its words are for people. */
export type Soak = (plan: Plan) => Promise<string>;

/** A request that is repeated under its own Idempotency-Key until it is answered. */
export interface Repeated {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long an attempt is waited for; a short time throws away answers that would have come. */
  readonly withinMs: () => number;
}

type Answered = Extract<OnceAnswer, { readonly kind: "answered" }>;

/** Asks one node after the other until one of them has an answer that is final. */
export class Caller {
  attempts = 0;
  readonly #cluster: ProcessCluster;
  readonly #prng: Prng;
  readonly #name: string;
  #sequence = 0;

  constructor(cluster: ProcessCluster, prng: Prng) {
    this.#cluster = cluster;
    this.#prng = prng;
    this.#name = `soak-${prng.below(2 ** 31)}-${prng.below(2 ** 31)}`;
  }

  async call({ method, path, body, headers, withinMs }: Repeated): Promise<Answered> {
    const key = `${this.#name};${++this.#sequence}`;
    for (;;) {
      this.attempts++;
      const url = this.#cluster.urls[this.#prng.below(this.#cluster.urls.length)]!;
      const answer = await requestOnce({
        method,
        url: `${url}${path}`,
        headers: { "Idempotency-Key": key, ...headers },
        ...(body === undefined ? {} : { body }),
        withinMs: withinMs(),
      });
      if (answer.kind === "answered" && answer.status < 500 && answer.status !== 429) return answer;
      await pause(1 + this.#prng.below(50));
    }
  }
}
