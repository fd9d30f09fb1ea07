import type { Measurement } from "../../../../scripts/bench/measurement.ts";
import { errorLines, surfaceTable } from "../../../../scripts/bench/report.ts";
import { workloads } from "../../../../scripts/bench/workloads.ts";
import { assert, describe, it } from "../../../harness/test.ts";

function measured(opsPerSecond: number, errors = 0): Measurement {
  return {
    seconds: 1,
    latency: { count: opsPerSecond, meanUs: 1_234, p50Us: 987, p99Us: 12_345, maxUs: 20_000 },
    errors,
    firstError: errors === 0 ? undefined : "status 503",
    serverCpuUs: opsPerSecond * 80,
    generatorCpuUs: 0,
  };
}

const workload = workloads[0]!;

describe("surfaceTable", () => {
  it("shows both systems, and the ratio beside ours", () => {
    const row = {
      workload,
      skein: [measured(12_000), measured(18_000), measured(15_000)],
      etcd: [measured(10_000), measured(10_000), measured(10_000)],
    };
    assert.deepEqual(cellsOf(surfaceTable("rest", [row])), [
      ["write, 1 client", "skein", "15,000 (12,000 … 18,000)", "1.23", "0.99", "12.3", "0", "80"]
        .concat("**1.50** (1.20 … 1.80)"),
      ["", "etcd", "10,000 (10,000 … 10,000)", "1.23", "0.99", "12.3", "0", "80", ""],
    ]);
  });

  it("leaves etcd out where it was not measured", () => {
    const cells = cellsOf(surfaceTable("grpc", [{ workload, skein: [measured(7)], etcd: [] }]));
    assert.equal(cells.length, 1);
    assert.equal(cells[0]?.at(-1), "");
  });
});

describe("errorLines", () => {
  it("names system, surface, workload and the first error", () => {
    const rows = [{ workload, skein: [measured(5)], etcd: [measured(5), measured(5, 4)] }];
    const line = "etcd, rest, write, 1 client: 4 errors, first: status 503";
    assert.deepEqual(errorLines("rest", rows), [line]);
  });
});

/** The cells of the rows below the table's head. */
function cellsOf(text: string): readonly (readonly string[])[] {
  const lines = text.split("\n").filter((line) => line.startsWith("|")).slice(2);
  return lines.map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}
