import { Prng } from "../../../../src/lib/prng.ts";
import { Histogram } from "../../../../scripts/bench/histogram.ts";
import { assert, describe, it } from "../../../harness/test.ts";

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe("Histogram", () => {
  it("tells every value back within 1/256 of itself, up to half an hour", () => {
    const powers = Array.from({ length: 31 }, (_, bits) => 2 ** bits);
    for (const value of powers.flatMap((power) => [power - 1, power, power + 1])) {
      // The larger value keeps the maximum from hiding what the bucket says.
      const told = histogramOf([value, 2 ** 31 - 1]).percentileUs(50);
      assert.ok(Math.abs(told - value) <= value / 256, `${value} is told as ${told}`);
    }
  });

  it("agrees with the sorted list on percentiles", () => {
    const prng = new Prng(7);
    const values = Array.from({ length: 5_000 }, () => prng.below(2 ** (1 + prng.below(24))));
    const sorted = [...values].sort((a, b) => a - b);
    const histogram = histogramOf(values);
    for (const percent of [0.1, 1, 25, 50, 90, 99, 99.9, 100]) {
      const exact = sorted[Math.max(0, Math.ceil((percent / 100) * values.length) - 1)]!;
      const told = histogram.percentileUs(percent);
      assert.ok(
        Math.abs(told - exact) <= Math.max(1, exact / 256),
        `p${percent}: ${told}, ${exact}`,
      );
    }
  });

  it("keeps count, mean and maximum exact", () => {
    const summary = histogramOf([0.5, 1.5, 1_000_000.25]).summary();
    assert.equal(summary.count, 3);
    assert.equal(summary.meanUs, 1_000_002.25 / 3);
    assert.equal(summary.maxUs, 1_000_000.25);
  });

  it("never tells a percentile above the maximum", () => {
    assert.equal(histogramOf([1_000_000]).percentileUs(99), 1_000_000);
  });

  it("is all zeros when empty", () => {
    const zeros = { count: 0, meanUs: 0, p50Us: 0, p99Us: 0, maxUs: 0 };
    assert.deepEqual(new Histogram().summary(), zeros);
  });
});
