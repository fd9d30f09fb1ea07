import type { Measurement } from "../../../../scripts/bench/measurement.ts";
import { memoryOfEach, scaleTables } from "../../../../scripts/bench/scale_report.ts";
import type { ScaleRun } from "../../../../scripts/bench/scale_run.ts";
import { scaleWorkloads, type SizeResult } from "../../../../scripts/bench/scale_size.ts";
import { assert, describe, it } from "../../../harness/test.ts";

function latency(p50Us: number, p99Us = 2 * p50Us) {
  return { count: 10, meanUs: p50Us, p50Us, p99Us, maxUs: p99Us };
}

function measured(p50Us: number, errors = 0): Measurement {
  const firstError = errors === 0 ? undefined : "status 503";
  const cpu = { serverCpuUs: 800, generatorCpuUs: 0 };
  return { seconds: 1, latency: latency(p50Us), errors, firstError, ...cpu };
}

function memory(bytes: number) {
  return { residentBytes: bytes, peakBytes: bytes };
}

function size(keys: number, p50Us: number, errors = 0): SizeResult {
  const used = memory(100 * 2 ** 20 + keys * 2);
  return {
    ...{ nodes: 1, keys, quietAfterSeconds: 3 },
    growth: { keys, seconds: 2, serverCpuUs: keys * 50 },
    disk: { totalBytes: keys * 1_000, logBytes: keys * 400, storeBytes: keys * 600 },
    memory: { grown: used, worked: used, restarted: used },
    work: scaleWorkloads.map(({ id }) => ({ id, measurement: measured(p50Us, errors) })),
    restarts: { afterKillMs: 500, afterStopMs: 400, stopMs: 30 },
  };
}

const run: ScaleRun = {
  about: ["A machine"],
  // As two runs may have them: not in order.
  sizes: [size(1_000_000, 150), size(10_000, 100)],
  watches: [{
    watchers: 1_000,
    ...{ answered: latency(1_000), each: latency(2_000), last: latency(3_000) },
    memory: { before: 1_000_000, quiet: 9_000_000, after: 9_500_000 },
  }],
  leases: [{ leases: 1_000, seconds: 1, beforeBytes: 5_000, afterBytes: 305_000 }],
};

describe("scaleTables", () => {
  it("has the sizes in order, and how the last compares with the first", () => {
    const text = scaleTables(run);
    assert.match(text, /\| +\| 10 k keys +\| 1 M keys +\| last ÷ first +\|/);
    assert.match(text, /\| PUT, 1 client +\| 0.10 \/ 0.20 +\| 0.15 \/ 0.30 +\| \*\*1.50\*\* +\|/);
    // 800 µs for 10 calls.
    assert.match(text, /\| GET, 32 clients +\| 80 +\| 80 +\|/);
    assert.ok(!text.includes("3 nodes"));
  });

  it("shows errors beside the workload that had them", () => {
    const text = scaleTables({ ...run, sizes: [size(10_000, 100, 2), size(20_000, 100)] });
    assert.match(text, /GET, 1 client \(2 errors\)/);
  });

  it("says when a store was not quiet in time", () => {
    const busy = { ...size(10_000, 100), quietAfterSeconds: undefined };
    assert.match(scaleTables({ ...run, sizes: [busy] }), /quiet after, s +\| not in time/);
  });
});

describe("memoryOfEach", () => {
  it("divides growth by count", () => {
    const found = memoryOfEach(run).map(({ what, bytes }) => [what, bytes]);
    assert.deepEqual(found, [["key", 2], ["lease", 300], ["watch", 8_000]]);
  });

  it("says nothing of keys from a single size", () => {
    const found = memoryOfEach({ ...run, sizes: [size(10_000, 100)] });
    assert.deepEqual(found.map(({ what }) => what), ["lease", "watch"]);
  });
});
