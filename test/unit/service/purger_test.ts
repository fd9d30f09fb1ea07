import { Purger } from "../../../src/service/purger.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** So many steps are left, each of which takes that time. */
function purging(left: number, stepMs: number) {
  let [steps, nowMs] = [0, 0];
  const timers = new Set<() => void>();
  const purger = new Purger({
    step: () => {
      nowMs += stepMs;
      return ++steps < left;
    },
    monotonicMs: () => nowMs,
    every: (_ms, run) => {
      timers.add(run);
      return () => timers.delete(run);
    },
  });
  return { purger, timers, steps: () => steps };
}

describe("Purging", () => {
  it("ends with the work, with its time, and where time stands still", () => {
    for (const [left, stepMs, taken] of [[3, 0, 3], [1_000, 2, 3], [1_000, 0, 8]] as const) {
      const { purger, steps } = purging(left, stepMs);
      purger.look();
      assert.equal(steps(), taken);
    }
  });

  it("goes on by itself as long as there is more, and rests afterwards", () => {
    const { purger, timers, steps } = purging(20, 0);
    purger.look();
    assert.deepEqual([steps(), timers.size], [8, 1]);
    purger.look();
    assert.equal(steps(), 8, "it has a timer of its own");
    for (const run of timers) run();
    assert.deepEqual([steps(), timers.size], [16, 1]);
    for (const run of timers) run();
    assert.deepEqual([steps(), timers.size], [20, 0]);
    purger.look();
    assert.deepEqual([steps(), timers.size], [21, 0], "there is nothing to go on with");
  });

  it("stops with the node", () => {
    const { purger, timers } = purging(1_000, 0);
    purger.look();
    purger.stop();
    assert.equal(timers.size, 0);
  });
});
