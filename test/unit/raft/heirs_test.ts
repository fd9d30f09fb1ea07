/** Who could lead next. */

import { bestHeir, type Heir, heirFlaw, transferEntriesMax } from "../../../src/raft/heirs.ts";
import { assert, describe, it } from "../../harness/test.ts";

const commitIndex = 50_000;
const measure = { nowMs: 10_000, silentMsMax: 1_000, commitIndex };

function heir(more: Partial<Heir> = {}): Heir {
  return {
    ...{ id: 2, mode: "replicating", match: commitIndex, heardMs: 9_990, wantsSnapshot: false },
    ...more,
  };
}

describe("Who could lead next", () => {
  it("is no peer that is silent, needs an image, or lacks more than it gets in time", () => {
    const rows = [
      [{}, undefined],
      [{ heardMs: 9_000 }, undefined],
      [{ heardMs: 8_999 }, "targetSilent"],
      [{ mode: "snapshot" }, "targetNeedsSnapshot"],
      [{ wantsSnapshot: true }, "targetNeedsSnapshot"],
      [{ mode: "probing", match: commitIndex - transferEntriesMax }, undefined],
      [{ match: commitIndex - transferEntriesMax - 1 }, "targetBehind"],
      // It has not answered this leader yet.
      [{ mode: "probing", match: 0 }, undefined],
    ] as const;
    for (const [more, flaw] of rows) {
      assert.equal(heirFlaw(heir(more), measure), flaw, JSON.stringify(more));
    }
  });

  it("is best who holds most, and of equals who was heard last", () => {
    const heirs = [
      heir({ id: 2, match: commitIndex + 9, heardMs: 0 }),
      heir({ id: 3, match: commitIndex + 1, heardMs: 9_500 }),
      heir({ id: 4, match: commitIndex + 1, heardMs: 9_600 }),
      heir({ id: 5, heardMs: 9_999 }),
    ];
    assert.equal(bestHeir(heirs, measure), 4);
    assert.equal(bestHeir(heirs.slice(0, 1), measure), undefined);
  });
});
