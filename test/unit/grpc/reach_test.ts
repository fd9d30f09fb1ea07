import { Reach, type ReachReport } from "../../../src/grpc/reach.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("A peer that cannot be reached", () => {
  it("is told of at once, at most once a minute, and when it is back", () => {
    const reports: ReachReport[] = [];
    let nowMs = 1_000;
    const peer = { name: "node 2", address: "n2:7401" };
    const reach = new Reach(peer, (report) => reports.push(report), () => nowMs);
    reach.answered();
    for (; nowMs <= 121_000; nowMs += 500) reach.failed(`refused at ${nowMs}`);
    reach.answered();
    reach.answered();
    reach.failed("gone again");
    reach.answered();
    nowMs = 181_000;
    reach.failed("and again");
    assert.deepEqual(reports, [
      { kind: "unreachable", ...peer, reason: "refused at 1000", sinceMs: 0 },
      { kind: "unreachable", ...peer, reason: "refused at 61000", sinceMs: 60_000 },
      { kind: "unreachable", ...peer, reason: "refused at 121000", sinceMs: 120_000 },
      { kind: "back", ...peer, afterMs: 120_500 },
      { kind: "unreachable", ...peer, reason: "and again", sinceMs: 0 },
    ]);
  });
});
