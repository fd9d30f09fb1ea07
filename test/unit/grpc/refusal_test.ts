import { FaultLog, type FaultReport, WireRefusal } from "../../../src/grpc/refusal.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("FaultLog", () => {
  it("counts all, and reports one per kind and source every five seconds", () => {
    const reports: FaultReport[] = [];
    let nowMs = 0;
    const faults = new FaultLog((report) => reports.push(report), () => nowMs);
    for (let i = 0; i < 10; i++) faults.note("checksum", "node 2", `entry ${i}`);
    faults.note("checksum", "node 3", "entry 0");
    faults.note("term", "node 2", "too high");
    assert.deepEqual(reports.map(({ source, kind }) => `${source} ${kind}`), [
      "node 2 checksum",
      "node 3 checksum",
      "node 2 term",
    ]);
    nowMs = 5_000;
    faults.note("checksum", "node 2", "entry 10");
    assert.deepEqual(reports.at(-1), {
      kind: "checksum",
      source: "node 2",
      detail: "entry 10",
      suppressed: 9,
    });
    assert.equal(faults.counts.get("checksum"), 12);
    assert.equal(faults.counts.get("term"), 1);
  });

  it("takes a client that comes again from another port for the same source", () => {
    const reports: FaultReport[] = [];
    const faults = new FaultLog((report) => reports.push(report), () => 0);
    faults.note("hello", "node 2 (127.0.0.1:40001)", "refused");
    faults.note("hello", "node 2 (127.0.0.1:40002)", "refused");
    faults.note("hello", "127.0.0.2:40001", "refused");
    faults.note("hello", "127.0.0.2:40002", "refused");
    assert.deepEqual(reports.map(({ source }) => source), [
      "node 2 (127.0.0.1:40001)",
      "127.0.0.2:40001",
    ]);
  });

  it("notes a refusal by its kind and anything else as malformed", () => {
    const reports: FaultReport[] = [];
    const faults = new FaultLog((report) => reports.push(report), () => 0);
    faults.noteError("node 2", new WireRefusal("order", "entry 5 follows 3"));
    faults.noteError("node 2", new Error("index out of range"));
    assert.deepEqual(reports.map(({ kind }) => kind), ["order", "malformed"]);
  });

  it("writes no more lines the more strangers there are, and tells how many it left out", () => {
    const reports: FaultReport[] = [];
    let nowMs = 0;
    const faults = new FaultLog((report) => reports.push(report), () => nowMs);
    for (let i = 0; i < 5_000; i++) faults.note("hello", `10.0.0.${i}`, "x".repeat(10_000));
    assert.equal(reports.length, 64);
    assert.ok(reports.every(({ detail }) => detail.length <= 500));
    assert.equal(faults.counts.get("hello"), 5_000);
    nowMs = 5_000;
    faults.note("term", "node 2", "too high");
    assert.deepEqual(reports.slice(64).map(({ source, suppressed }) => [source, suppressed]), [
      ["node 2", 0],
      ["further sources", 5_000 - 64],
    ]);
    for (let i = 0; i < 5_000; i++) faults.note("hello", `10.0.1.${i}`, "no Hello");
    assert.ok(reports.length <= 3 * 64, `${reports.length} lines`);
  });
});
