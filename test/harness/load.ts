/**
 * Clients that put, compare-and-set, delete and read through random nodes and write down what they
 * were told, so that a run full of crashes can be judged afterwards.
 */

import { Prng } from "../../src/lib/prng.ts";
import { History, type Operation, type Outcome } from "./history.ts";
import { callRest } from "./rest_calls.ts";
import { pause } from "./wait.ts";

export interface LoadOptions {
  /** REST addresses of the nodes; asked again before every call, so that it may change. */
  readonly urls: () => readonly string[];
  readonly clients: number;
  readonly keys: number;
  readonly seed: number;
  /** How long a client waits for one answer; shorter than an election finds more. 2 s if absent. */
  readonly callWithinMs?: number;
  /** Rest between two calls of a client; 0 when absent. */
  readonly pauseMs?: number;
  /** Called as each write is acknowledged, with the time on `performance.now()`. */
  readonly onAcknowledged?: (atMs: number) => void;
}

/** A key with so many lost writes is left for a fresh one: each makes a search longer. */
const lostPerKeyMax = 20;

/** Runs until `stop`; then the history holds every call. */
export class Load {
  readonly history = new History(() => performance.now());
  readonly #options: LoadOptions;
  readonly #clients: Promise<void>[] = [];
  readonly #lastMod = new Map<string, number>();
  /** Of every key's place: which fresh key stands there, and how many writes it has lost. */
  readonly #places: { generation: number; lost: number }[];
  #stopping = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#places = Array.from({ length: options.keys }, () => ({ generation: 0, lost: 0 }));
    const prng = new Prng(options.seed);
    for (let client = 0; client < options.clients; client++) {
      this.#clients.push(this.#runClient(client, prng.split()));
    }
  }

  /** Lets every client finish its call. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#clients);
  }

  /**
   * Reads every key that was ever written, linearizably and into the history, so that a lost write
   * shows. Call it after `stop`, with the cluster healthy; a read that fails is tried again until
   * `withinMs` have passed, and then throws.
   */
  async readBack(withinMs = 60_000): Promise<void> {
    const keys = new Set(this.history.calls().map(({ operation }) => operation.key));
    const prng = new Prng(this.#options.seed + 1);
    const endMs = performance.now() + withinMs;
    for (const key of keys) {
      for (;;) {
        const outcome = await this.#call("reader", { kind: "get", key }, prng);
        if (outcome.kind === "found" || outcome.kind === "absent") break;
        if (performance.now() > endMs) throw new Error(`Cannot read ${key}: ${outcome.kind}`);
        await pause(50);
      }
    }
  }

  async #runClient(client: number, prng: Prng): Promise<void> {
    let life = 0;
    for (let sequence = 0; !this.#stopping; sequence++) {
      const at = prng.below(this.#options.keys);
      const key = `k${at}-${this.#places[at]!.generation}`;
      const operation = this.#draw(prng, key, `c${client}-${sequence}`);
      const outcome = await this.#call(`c${client}.${life}`, operation, prng);
      if (outcome.kind === "unknown") {
        // A call that may still take effect belongs to a client that never calls again.
        life++;
        if (operation.kind !== "get") this.#countLost(at, key);
      }
      const failed = outcome.kind === "unknown" || outcome.kind === "notApplied";
      // Without a rest, clients of a dead cluster would fill the history with refusals.
      await pause(failed ? 20 : this.#options.pauseMs ?? 0);
    }
  }

  #draw(prng: Prng, key: string, value: string): Operation {
    const draw = prng.below(100);
    if (draw < 40) return { kind: "get", key };
    if (draw < 65) return { kind: "put", key, value };
    if (draw < 90) return { kind: "cas", key, expected: this.#lastMod.get(key) ?? 0, value };
    return { kind: "delete", key };
  }

  async #call(client: string, operation: Operation, prng: Prng): Promise<Outcome> {
    const urls = this.#options.urls();
    const url = urls[prng.below(urls.length)]!;
    const end = this.history.begin(client, operation);
    const outcome = await callRest(operation, {
      url,
      withinMs: this.#options.callWithinMs ?? 2_000,
    });
    end(outcome);
    this.#learn(operation, outcome);
    return outcome;
  }

  /** What compare-and-set expects next: often right, often overtaken, which is what it is for. */
  #learn({ key, kind }: Operation, outcome: Outcome): void {
    if (outcome.kind === "found") this.#lastMod.set(key, outcome.record.mod);
    if (outcome.kind === "written") this.#lastMod.set(key, outcome.mod);
    if (outcome.kind === "conditionFailed") this.#lastMod.set(key, outcome.current?.mod ?? 0);
    if (outcome.kind === "absent" || outcome.kind === "deleted") this.#lastMod.set(key, 0);
    const changed = outcome.kind === "written" || (kind === "delete" && outcome.kind === "deleted");
    if (changed) this.#options.onAcknowledged?.(performance.now());
  }

  #countLost(at: number, key: string): void {
    const place = this.#places[at]!;
    if (key !== `k${at}-${place.generation}` || ++place.lost < lostPerKeyMax) return;
    place.generation++;
    place.lost = 0;
  }
}
