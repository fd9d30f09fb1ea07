/**
 * A closed loop: every client has one call under way and makes the next when it is answered. What
 * is answered during the warm-up does not count, nor does what is under way at the end.
 */

import { Prng } from "../../src/lib/prng.ts";
import type { Connection, Failure } from "./connection.ts";
import { Histogram } from "./histogram.ts";
import type { LoadOrder } from "./measurement.ts";

export interface LoopResult {
  readonly histogram: Histogram;
  readonly errors: number;
  readonly firstError: string | undefined;
  readonly startedMs: number;
  readonly endedMs: number;
}

export interface LoopHooks {
  readonly nowMs: () => number;
  readonly after: (ms: number, run: () => void) => void;
  /** The measured part begins, and ends. */
  readonly onStart: () => void;
  readonly onEnd: () => void;
}

/** A client whose call failed waits so long, so that a dead server is not asked a million times. */
const restAfterErrorMs = 10;

export type LoopOrder = Pick<
  LoadOrder,
  "operation" | "keys" | "seed" | "clients" | "warmupMs" | "measureMs" | "operationsMax"
>;

export class ClosedLoop {
  readonly #order: LoopOrder;
  readonly #hooks: LoopHooks;
  readonly #calls: Uint32Array;
  readonly #sentMs: Float64Array;
  readonly #histogram = new Histogram();
  readonly #done: (result: LoopResult) => void;
  #connections: readonly Connection[] = [];
  #nextCall = 0;
  #phase: "warmup" | "measuring" | "over" = "warmup";
  #startedMs = 0;
  #errors = 0;
  #firstError: string | undefined;

  constructor(order: LoopOrder, hooks: LoopHooks, done: (result: LoopResult) => void) {
    this.#order = order;
    this.#hooks = hooks;
    this.#done = done;
    this.#calls = callOrder(order);
    this.#sentMs = new Float64Array(order.clients);
  }

  /** Client `c` uses connection `c % connections`, under the number `c`. */
  start(connections: readonly Connection[]): void {
    this.#connections = connections;
    const { clients, warmupMs } = this.#order;
    if (warmupMs === 0) this.#begin();
    else this.#hooks.after(warmupMs, () => this.#begin());
    for (let client = 0; client < clients; client++) this.#send(client);
    for (const connection of connections) connection.flush();
  }

  answered(client: number, failure: Failure): void {
    if (this.#phase === "over") return;
    if (this.#phase === "measuring") this.#count(client, failure);
    if (this.#isFilled) return this.#finish();
    if (failure === undefined) return this.#send(client);
    this.#hooks.after(restAfterErrorMs, () => {
      if (this.#phase === "over") return;
      this.#send(client);
      this.#connectionOf(client).flush();
    });
  }

  get #isFilled(): boolean {
    return this.#histogram.count + this.#errors >= (this.#order.operationsMax ?? Infinity);
  }

  #begin(): void {
    this.#phase = "measuring";
    this.#hooks.onStart();
    this.#startedMs = this.#hooks.nowMs();
    this.#hooks.after(this.#order.measureMs, () => this.#finish());
  }

  #count(client: number, failure: Failure): void {
    if (failure === undefined) {
      this.#histogram.record((this.#hooks.nowMs() - this.#sentMs[client]!) * 1_000);
    } else {
      this.#errors += 1;
      this.#firstError ??= failure;
    }
  }

  #finish(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    const endedMs = this.#hooks.nowMs();
    this.#hooks.onEnd();
    this.#done({
      histogram: this.#histogram,
      errors: this.#errors,
      firstError: this.#firstError,
      startedMs: this.#startedMs,
      endedMs,
    });
  }

  #send(client: number): void {
    const call = this.#calls[this.#nextCall]!;
    this.#nextCall = (this.#nextCall + 1) % this.#calls.length;
    this.#sentMs[client] = this.#hooks.nowMs();
    this.#connectionOf(client).send(client, call);
  }

  #connectionOf(client: number): Connection {
    return this.#connections[client % this.#connections.length]!;
  }
}

const drawnMin = 65_536;

/** A filling load takes the keys in turn; the others take them in an order drawn before. */
function callOrder({ operation, keys, seed }: LoopOrder): Uint32Array {
  if (operation === "fill") return Uint32Array.from({ length: keys }, (_, at) => at);
  const prng = new Prng(seed);
  return Uint32Array.from({ length: Math.max(drawnMin, keys) }, () => prng.below(keys));
}
