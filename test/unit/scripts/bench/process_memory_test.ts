import { existsSync } from "node:fs";
import process from "node:process";
import { memoryOfStatus, processMemory } from "../../../../scripts/bench/process_memory.ts";
import { assert, describe, it } from "../../../harness/test.ts";

describe("process memory", () => {
  it("is read from the lines of /proc/PID/status, in KiB", () => {
    const status = "Name:\tbun\nVmHWM:\t     200 kB\nVmRSS:\t     100 kB\nRssAnon:\t 50 kB\n";
    assert.deepEqual(memoryOfStatus(status), { residentBytes: 102_400, peakBytes: 204_800 });
  });

  it("names the line that is missing", () => {
    assert.throws(() => memoryOfStatus("Name:\tbun\nVmHWM:\t1 kB\n"), /has no VmRSS/);
  });

  it("is above 0 for this process", { skip: !existsSync("/proc/self/status") }, () => {
    const { residentBytes, peakBytes } = processMemory(process.pid);
    assert.ok(residentBytes > 0 && peakBytes >= residentBytes);
  });
});
