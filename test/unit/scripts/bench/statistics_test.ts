import type { Measurement } from "../../../../scripts/bench/measurement.ts";
import { ratio, spread, summarize } from "../../../../scripts/bench/statistics.ts";
import { assert, describe, it } from "../../../harness/test.ts";

function measured(count: number, more: Partial<Measurement> = {}): Measurement {
  return {
    seconds: 2,
    latency: { count, meanUs: count / 10, p50Us: count / 20, p99Us: count, maxUs: count * 2 },
    errors: 0,
    firstError: undefined,
    serverCpuUs: 1_000,
    generatorCpuUs: 100,
    ...more,
  };
}

describe("spread", () => {
  it("takes the middle of an odd count, and the mean of the two middles of an even one", () => {
    assert.deepEqual(spread([9, 1, 5]), { min: 1, median: 5, max: 9 });
    assert.deepEqual(spread([10, 1, 2, 4]), { min: 1, median: 3, max: 10 });
    assert.deepEqual(spread([3]), { min: 3, median: 3, max: 3 });
  });

  it("sorts by number", () => {
    assert.equal(spread([100, 9, 20]).median, 20);
  });

  it("refuses an empty list", () => {
    assert.throws(() => spread([]), RangeError);
  });
});

describe("summarize", () => {
  it("takes the median of each figure, and all errors", () => {
    const summary = summarize([
      measured(100),
      measured(300, { errors: 2, firstError: "refused" }),
      measured(200, { errors: 1, firstError: "late" }),
    ]);
    assert.deepEqual(summary.opsPerSecond, { min: 50, median: 100, max: 150 });
    assert.equal(summary.p99Us, 200);
    assert.equal(summary.errors, 3);
    assert.equal(summary.firstError, "refused");
  });

  it("spreads processor time over failed calls as well: they cost, too", () => {
    const summary = summarize([measured(60, { errors: 40 })]);
    assert.equal(summary.serverCpuUsPerOp, 10);
    assert.equal(summary.generatorCpuUsPerOp, 1);
  });

  it("says nothing of processor time where none was told", () => {
    assert.equal(summarize([measured(1, { serverCpuUs: undefined })]).serverCpuUsPerOp, undefined);
  });
});

describe("ratio", () => {
  it("compares round with round before it takes the median", () => {
    const ours = [measured(200), measured(100), measured(900)];
    const theirs = [measured(100), measured(100), measured(300)];
    assert.deepEqual(ratio(ours, theirs), { min: 1, median: 2, max: 3 });
  });

  it("is undefined without a pair", () => {
    assert.equal(ratio([measured(1)], []), undefined);
    assert.equal(ratio([measured(1)], [measured(0)]), undefined);
  });
});
