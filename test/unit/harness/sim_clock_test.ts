import { assert, describe, it } from "../../harness/test.ts";
import { SimClock } from "../../harness/sim_clock.ts";
import { SimProcess } from "../../harness/sim_process.ts";
import { SimScheduler } from "../../harness/sim_scheduler.ts";
import { Prng } from "../../../src/lib/prng.ts";

const secondUs = 1_000_000;

function world(): {
  readonly scheduler: SimScheduler;
  readonly process: SimProcess;
  readonly clock: SimClock;
} {
  const scheduler = new SimScheduler();
  const process = new SimProcess("n1", { scheduler, prng: new Prng(1) });
  return { scheduler, process, clock: new SimClock({ scheduler, process }) };
}

describe("SimScheduler", () => {
  it("runs events by time, and at one time in the order of their making", () => {
    const scheduler = new SimScheduler();
    const prng = new Prng(1);
    const seen: { readonly atUs: number; readonly made: number }[] = [];
    for (let made = 0; made < 2_000; made++) {
      scheduler.after(prng.below(50), () => seen.push({ atUs: scheduler.nowUs, made }));
    }
    while (scheduler.step());
    assert.equal(seen.length, 2_000);
    for (const [at, each] of seen.entries()) {
      const before = seen[at - 1];
      if (before === undefined) continue;
      assert.ok(before.atUs < each.atUs || (before.atUs === each.atUs && before.made < each.made));
    }
  });

  it("forgets what was cancelled, and runs what an event makes", () => {
    const scheduler = new SimScheduler();
    const seen: string[] = [];
    const cancel = scheduler.after(10, () => seen.push("cancelled"));
    scheduler.after(5, () => {
      cancel();
      scheduler.after(5, () => seen.push(`made at ${scheduler.nowUs}`));
    });
    scheduler.runFor(100);
    assert.deepEqual(seen, ["made at 10"]);
    assert.equal(scheduler.nowUs, 100);
    assert.equal(scheduler.step(), false);
  });

  it("runs until a condition holds, or time is over", () => {
    const scheduler = new SimScheduler();
    let count = 0;
    const again = (): void =>
      void scheduler.after(10, () => {
        count++;
        again();
      });
    again();
    assert.equal(scheduler.runUntil(() => count === 3, 1_000), true);
    assert.equal(scheduler.nowUs, 30);
    assert.equal(scheduler.runUntil(() => count === 300, 1_000), false);
    assert.equal(scheduler.nowUs, 1_030);
  });

  it("refuses delays that are no whole, non-negative number", () => {
    const scheduler = new SimScheduler();
    for (const delay of [-1, 0.5, NaN, Infinity]) {
      assert.throws(() => scheduler.after(delay, () => {}), RangeError);
    }
  });

  it("hashes lines and times, and keeps the newest lines", () => {
    const traced = (lines: readonly string[], pauseUs: number): SimScheduler => {
      const scheduler = new SimScheduler();
      for (const line of lines) {
        scheduler.trace(line);
        scheduler.runFor(pauseUs);
      }
      return scheduler;
    };
    assert.equal(traced(["a", "b"], 1).traceHash, traced(["a", "b"], 1).traceHash);
    assert.notEqual(traced(["a", "b"], 1).traceHash, traced(["b", "a"], 1).traceHash);
    assert.notEqual(traced(["a", "b"], 1).traceHash, traced(["a", "b"], 2).traceHash);
    const many = traced(Array.from({ length: 5_000 }, (_, i) => `line ${i}`), 1);
    assert.ok(many.traceLines.length < 3_000);
    assert.equal(many.traceLines.at(-1), "4999 line 4999");
  });
});

describe("SimClock", () => {
  it("shows virtual time in whole ms, and another wall time", () => {
    const { scheduler, clock } = world();
    assert.equal(clock.monotonicMs(), 0);
    const wall = clock.wallMs();
    scheduler.runFor(1_999);
    assert.equal(clock.monotonicMs(), 1);
    assert.equal(clock.wallMs() - wall, 1);
    clock.jumpWall(-3_600_000);
    assert.equal(clock.monotonicMs(), 1);
    assert.equal(clock.wallMs() - wall, 1 - 3_600_000);
  });

  it("runs timers again and again until they are stopped, also by themselves", () => {
    const { scheduler, clock } = world();
    const seen: number[] = [];
    const stop = clock.every(100, () => {
      seen.push(clock.monotonicMs());
      if (seen.length === 3) stop();
    });
    scheduler.runFor(secondUs);
    assert.deepEqual(seen, [100, 200, 300]);
  });

  it("runs `soon` behind what waits now, not inside the call", () => {
    const { scheduler, clock } = world();
    const seen: string[] = [];
    scheduler.after(0, () => seen.push("waiting"));
    clock.soon(() => seen.push("soon"));
    seen.push("call");
    scheduler.runFor(0);
    assert.deepEqual(seen, ["call", "waiting", "soon"]);
  });

  it("runs fast or slow, timers with it, and never back", () => {
    const { scheduler, clock } = world();
    clock.setRate(1_100);
    let fired = 0;
    clock.every(110, () => fired++);
    scheduler.runFor(secondUs);
    assert.equal(clock.monotonicMs(), 1_100);
    assert.equal(fired, 10);
    clock.setRate(500);
    assert.equal(clock.monotonicMs(), 1_100);
    scheduler.runFor(secondUs);
    assert.equal(clock.monotonicMs(), 1_600);
  });

  it("goes on during a pause, in which nothing runs and timers come due once", () => {
    const { scheduler, process, clock } = world();
    let fired = 0;
    clock.every(100, () => fired++);
    process.pause();
    scheduler.runFor(secondUs);
    assert.equal(fired, 0);
    assert.equal(clock.monotonicMs(), 1_000);
    process.resume();
    scheduler.runFor(0);
    assert.equal(fired, 1);
    scheduler.runFor(secondUs);
    assert.equal(fired, 11);
  });

  it("does not run a timer that came due in a pause and was stopped in it", () => {
    const { scheduler, process, clock } = world();
    let fired = 0;
    const stop = clock.every(100, () => fired++);
    process.pause();
    scheduler.runFor(secondUs);
    stop();
    process.resume();
    scheduler.runFor(secondUs);
    assert.equal(fired, 0);
  });

  it("never runs anything of a process that was killed, paused or not", () => {
    const { scheduler, process, clock } = world();
    let fired = 0;
    clock.every(100, () => fired++);
    clock.soon(() => fired++);
    process.pause();
    scheduler.runFor(secondUs);
    process.kill();
    process.resume();
    scheduler.runFor(secondUs);
    assert.equal(fired, 0);
    assert.equal(process.isAlive, false);
  });

  it("lets what a pause held back loose in an order that the seed draws", () => {
    const order = (seed: number): string => {
      const scheduler = new SimScheduler();
      const process = new SimProcess("n1", { scheduler, prng: new Prng(seed) });
      const seen: number[] = [];
      process.pause();
      for (let i = 0; i < 6; i++) process.run(() => seen.push(i));
      process.resume();
      scheduler.runFor(0);
      assert.equal(seen.length, 6);
      return seen.join("");
    };
    assert.equal(order(1), order(1));
    assert.ok(new Set([1, 2, 3, 4, 5].map(order)).size > 1);
  });
});
