import { existsSync } from "node:fs";
import process from "node:process";
import { processorUs, processorUsOfStat } from "../../../../scripts/bench/processor_time.ts";
import { assert, describe, it } from "../../../harness/test.ts";

describe("processor time", () => {
  it("is user and system time, whatever the process is called", () => {
    const behind = "S 1 2 3 4 5 6 7 8 9 10 250 50 99 99 20 0 1 0 100";
    assert.equal(processorUsOfStat(`42 (a) b (c)) ${behind}`), 3_000_000);
  });

  it("is undefined for a process that is not there", () => {
    assert.equal(processorUs([2 ** 30]), undefined);
  });

  it("grows while this process works", { skip: !existsSync("/proc/self/stat") }, () => {
    const before = processorUs([process.pid])!;
    const endMs = performance.now() + 10_000;
    while (processorUs([process.pid]) === before) assert.ok(performance.now() < endMs);
  });
});
