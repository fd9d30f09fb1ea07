import { toForwardOutcome } from "../../../src/grpc/convert_forward.ts";
import { assert, describe, it } from "../../harness/test.ts";

const failure = { code: "leader_changed", detail: "Not now", retryable: false, issues: [] };

function outcomeOf(outcome: number): unknown {
  const read = toForwardOutcome({
    failure: { ...failure, outcome, extraJson: "" },
    answer: "failure",
  });
  assert.ok(read.kind === "failed");
  return read.error.outcome;
}

describe("the failure of a forwarded request", () => {
  it("promises what it names, and nothing where it names what a later version knows", () => {
    const told = [0, 1, 2, 3, 4, -1].map(outcomeOf);
    assert.deepEqual(told, [undefined, "not_applied", "applied", "unknown", "unknown", "unknown"]);
  });
});
