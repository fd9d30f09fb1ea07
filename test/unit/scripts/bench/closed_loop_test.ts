import type { Connection } from "../../../../scripts/bench/connection.ts";
import {
  ClosedLoop,
  type LoopOrder,
  type LoopResult,
} from "../../../../scripts/bench/closed_loop.ts";
import { assert, describe, it } from "../../../harness/test.ts";

/** A loop on a clock that the test moves, with connections that note what they are asked. */
class Bench {
  readonly sent: { readonly connection: number; readonly client: number; readonly call: number }[] =
    [];
  readonly marks: string[] = [];
  readonly loop: ClosedLoop;
  result: LoopResult | undefined;
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  constructor(order: Partial<LoopOrder>, connections: number) {
    const defaults: LoopOrder = {
      ...{ operation: "write", keys: 10, seed: 1, clients: 1, warmupMs: 100, measureMs: 1_000 },
    };
    this.loop = new ClosedLoop({ ...defaults, ...order }, {
      nowMs: () => this.#nowMs,
      after: (ms, run) => this.#timers.push({ atMs: this.#nowMs + ms, run }),
      onStart: () => this.marks.push(`start ${this.#nowMs}`),
      onEnd: () => this.marks.push(`end ${this.#nowMs}`),
    }, (result) => this.result = result);
    this.loop.start(Array.from({ length: connections }, (_, connection): Connection => ({
      send: (client, call) => this.sent.push({ connection, client, call }),
      flush() {},
      close() {},
    })));
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { run } of due) run();
  }
}

describe("ClosedLoop", () => {
  it("keeps one call of every client under way, each on its own connection", () => {
    const bench = new Bench({ clients: 4 }, 2);
    assert.deepEqual(bench.sent.map((one) => [one.connection, one.client]), [
      [0, 0],
      [1, 1],
      [0, 2],
      [1, 3],
    ]);
    bench.loop.answered(2, undefined);
    assert.equal(bench.sent.length, 5);
    assert.equal(bench.sent[4]?.client, 2);
    assert.equal(bench.sent[4]?.connection, 0);
  });

  it("counts neither what is answered in the warm-up nor what is under way at the end", () => {
    const bench = new Bench({ clients: 2 }, 1);
    bench.advance(50);
    bench.loop.answered(0, undefined);
    bench.loop.answered(1, "refused");
    bench.advance(50);
    bench.advance(30);
    bench.loop.answered(0, undefined);
    bench.advance(970);
    bench.loop.answered(0, undefined);
    assert.deepEqual(bench.marks, ["start 100", "end 1100"]);
    assert.equal(bench.result?.errors, 0);
    assert.equal(bench.result?.histogram.count, 1);
    assert.equal(bench.result?.histogram.summary().meanUs, 80_000);
    assert.equal(bench.result?.startedMs, 100);
    assert.equal(bench.result?.endedMs, 1_100);
  });

  it("counts failures, which are no latencies, and rests after each", () => {
    const bench = new Bench({ warmupMs: 0 }, 1);
    bench.loop.answered(0, "first");
    assert.equal(bench.sent.length, 1);
    bench.advance(10);
    assert.equal(bench.sent.length, 2);
    bench.loop.answered(0, "second");
    bench.advance(1_000);
    assert.equal(bench.result?.errors, 2);
    assert.equal(bench.result?.firstError, "first");
    assert.equal(bench.result?.histogram.count, 0);
  });

  it("ends after the asked number of calls", () => {
    const bench = new Bench({ warmupMs: 0, operationsMax: 3 }, 1);
    for (let call = 0; call < 3; call++) {
      assert.equal(bench.result, undefined);
      bench.advance(1);
      bench.loop.answered(0, undefined);
    }
    assert.equal(bench.result?.histogram.count, 3);
    assert.equal(bench.result?.endedMs, 3);
    assert.equal(bench.sent.length, 3);
  });

  it("fills every key once, in order", () => {
    const bench = new Bench({ operation: "fill", warmupMs: 0, operationsMax: 10 }, 1);
    for (let call = 0; call < 10; call++) bench.loop.answered(0, undefined);
    assert.deepEqual(bench.sent.map(({ call }) => call), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("draws keys by the seed, among all there are", () => {
    const draw = (seed: number): readonly number[] => {
      const bench = new Bench({ seed, keys: 10 }, 1);
      for (let call = 0; call < 200; call++) bench.loop.answered(0, undefined);
      return bench.sent.map(({ call }) => call);
    };
    assert.deepEqual(draw(5), draw(5));
    assert.notDeepEqual(draw(5), draw(6));
    assert.equal(new Set(draw(5)).size, 10);
  });
});
