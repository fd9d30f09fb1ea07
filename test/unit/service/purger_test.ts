import { purgeSome } from "../../../src/service/purger.ts";
import { assert, describe, it } from "../../harness/test.ts";

describe("Purging", () => {
  it("ends with the work, with its time, and where time stands still", () => {
    const stepsTaken = (options: { readonly left: number; readonly stepMs: number }): number => {
      let [steps, nowMs] = [0, 0];
      purgeSome(() => {
        nowMs += options.stepMs;
        return ++steps < options.left;
      }, () => nowMs);
      return steps;
    };
    assert.equal(stepsTaken({ left: 3, stepMs: 0 }), 3);
    assert.equal(stepsTaken({ left: 1_000, stepMs: 2 }), 3);
    assert.equal(stepsTaken({ left: 1_000, stepMs: 0 }), 8);
  });
});
