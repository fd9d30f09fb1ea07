import { decodeCommand } from "../../../src/kv/command_encoding.ts";
import { CompactionKeeper } from "../../../src/service/compaction_keeper.ts";
import { FakeNode } from "../../harness/fake_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const hourMs = 3_600_000;

/** A store that makes so many revisions a second; what the keeper proposes of it. */
function proposedFor(
  { revision, oldest = 1, perSecond = 1, ageMsMax = hourMs, revisionsMax = 1e6, leads = true }: {
    readonly revision: number;
    readonly oldest?: number;
    readonly perSecond?: number;
    readonly ageMsMax?: number;
    readonly revisionsMax?: number;
    readonly leads?: boolean;
  },
): readonly number[] {
  const node = new FakeNode();
  node.clusterTime = leads ? (revision * 1_000) / perSecond : undefined;
  const store = {
    revision,
    oldest,
    revisionAt: (ms: number) => Math.max(0, Math.floor((ms * perSecond) / 1_000)),
  };
  const retention = { ageMsMax, revisionsMax };
  const keeper = new CompactionKeeper({
    ...{ node, store, retention, monotonicMs: () => 0, wallMs: () => 7 },
  });
  keeper.look();
  keeper.look();
  return node.proposals.map(({ what }) => {
    const decoded = decodeCommand(what);
    const operation = decoded.ok ? decoded.value.operation : undefined;
    return operation?.kind === "compact" ? operation.revision : NaN;
  });
}

describe("The keeper of the past", () => {
  it("gives up what is too old, once", () => {
    // An hour is 3,600 revisions; the newest 10,000 stay.
    assert.deepEqual(proposedFor({ revision: 50_000 }), [40_000]);
    assert.deepEqual(proposedFor({ revision: 50_000, ageMsMax: 20 * hourMs }), []);
    assert.deepEqual(proposedFor({ revision: 100_000, ageMsMax: 20 * hourMs }), [28_000]);
  });

  it("gives up what is one too many, though it is young", () => {
    const ageMsMax = 1_000 * hourMs;
    assert.deepEqual(proposedFor({ revision: 50_000, ageMsMax, revisionsMax: 20_000 }), [30_000]);
  });

  it("keeps the newest ten thousand and the last five minutes, whatever is configured", () => {
    assert.deepEqual(proposedFor({ revision: 10_000, ageMsMax: 0, revisionsMax: 0 }), []);
    const asked = { revision: 50_000, ageMsMax: 0, revisionsMax: 0 };
    assert.deepEqual(proposedFor(asked), [40_000]);
    // Five minutes are 30,000 of them.
    assert.deepEqual(proposedFor({ ...asked, perSecond: 100 }), [20_000]);
  });

  it("does nothing where it does not lead, or where that is done already", () => {
    assert.deepEqual(proposedFor({ revision: 50_000, leads: false }), []);
    assert.deepEqual(proposedFor({ revision: 50_000, oldest: 40_000 }), []);
  });
});
