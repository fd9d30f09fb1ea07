import type { ScrubProgress } from "../../../src/kv/scrub.ts";
import { Scrubber, type ScrubberParts } from "../../../src/service/scrubber.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** A store whose passes take so many steps of 1,000 bytes, each of which takes that time. */
function scrubbing(
  { steps, stepMs, ends = "ended", ...more }:
    & {
      readonly steps: number;
      readonly stepMs: number;
      readonly ends?: ScrubProgress;
    }
    & Partial<ScrubberParts>,
) {
  let [nowMs, taken, begun] = [0, 0, 0];
  const ended: number[] = [];
  const timers = new Set<() => void>();
  const scrubber = new Scrubber({
    begin: () => {
      begun++;
      let left = steps;
      let bytes = 0;
      return {
        step: () => {
          nowMs += stepMs;
          taken++;
          bytes += 1_000;
          return --left > 0 ? "more" : ends;
        },
        get count() {
          return { changes: 0, keys: 0, ledgerRows: 0, bytes };
        },
      };
    },
    bytesPerSecond: 1_000_000,
    intervalMs: 5_000,
    monotonicMs: () => nowMs,
    every: (_ms, run) => {
      timers.add(run);
      return () => timers.delete(run);
    },
    onPass: ({ bytes }) => ended.push(bytes),
    ...more,
  });
  const wait = (ms: number): void => {
    nowMs += ms;
    for (const run of timers) run();
  };
  return { scrubber, timers, ended, wait, taken: () => taken, begun: () => begun };
}

describe("Scrubbing", () => {
  it("begins a pass when it is time for one, and the next one an interval later", () => {
    const { scrubber, ended, wait, begun } = scrubbing({ steps: 3, stepMs: 0 });
    scrubber.look();
    wait(4_999);
    scrubber.look();
    assert.equal(begun(), 0);
    wait(1);
    scrubber.look();
    assert.equal(begun(), 1);
    wait(100);
    assert.deepEqual(ended, [3_000]);
    wait(4_899);
    scrubber.look();
    assert.equal(begun(), 1);
    wait(1);
    scrubber.look();
    assert.equal(begun(), 2);
  });

  it("begins the first one within a minute of the start", () => {
    const { scrubber, wait, begun } = scrubbing({ steps: 1, stepMs: 0, intervalMs: 86_400_000 });
    wait(60_000);
    scrubber.look();
    assert.equal(begun(), 1);
  });

  it("keeps to its rate", () => {
    const { scrubber, wait, taken } = scrubbing({ steps: 1_000, stepMs: 0 });
    wait(5_000);
    scrubber.look();
    for (const [ms, sum] of [[10, 10], [10, 20], [1, 21], [0, 21], [50, 71]] as const) {
      wait(ms);
      assert.equal(taken(), sum);
    }
    // What was not used for long does not come back at once.
    wait(60_000);
    assert.ok(taken() <= 71 + 500, String(taken()));
  });

  it("goes on for two milliseconds at a time", () => {
    const { scrubber, wait, taken } = scrubbing({ steps: 1_000, stepMs: 1 });
    wait(5_000);
    scrubber.look();
    wait(50);
    assert.equal(taken(), 2);
  });

  it("goes on less often while its turns come late, because the node has other work", () => {
    const { scrubber, wait, taken } = scrubbing({ steps: 1_000, stepMs: 1 });
    wait(5_000);
    scrubber.look();
    // From the beginning of one turn to that of the next one, of which the last has taken 2 ms.
    wait(4);
    wait(2);
    assert.equal(taken(), 4, "on time");
    wait(5);
    assert.equal(taken(), 4, "7 ms after the last turn");
    wait(6);
    assert.equal(taken(), 6, "13 ms after the one before");
  });

  it("begins anew at once where the store has fallen back, and reports no such pass", () => {
    const { scrubber, timers, ended, wait, begun } = scrubbing({
      ...{ steps: 1, stepMs: 0, ends: "void" },
    });
    wait(5_000);
    scrubber.look();
    wait(10);
    assert.deepEqual([ended, timers.size], [[], 0]);
    scrubber.look();
    assert.equal(begun(), 2);
  });

  it("waits where a pass cannot begin, ends with the node, and can be switched off", () => {
    const full = scrubbing({ steps: 1, stepMs: 0, begin: () => undefined });
    full.wait(5_000);
    full.scrubber.look();
    assert.equal(full.timers.size, 0);
    const stopped = scrubbing({ steps: 10, stepMs: 0 });
    stopped.wait(5_000);
    stopped.scrubber.look();
    stopped.scrubber.stop();
    assert.equal(stopped.timers.size, 0);
    const off = scrubbing({ steps: 10, stepMs: 0, bytesPerSecond: 0 });
    off.wait(5_000);
    off.scrubber.look();
    assert.equal(off.begun(), 0);
  });
});
