import { decodeCommand } from "../../../src/kv/command_encoding.ts";
import type { Operation } from "../../../src/kv/command.ts";
import type { RestorePhase } from "../../../src/kv/restore_command.ts";
import { RestoreKeeper } from "../../../src/service/restore_keeper.ts";
import { FakeNode } from "../../harness/fake_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const id = "00000000000000a1";

function kept(phase: RestorePhase | undefined, now: number | undefined = 1_000) {
  const node = new FakeNode();
  node.clusterTime = now;
  const store = { restore: phase && { id, phase, touchedMs: 1_000 } };
  const keeper = new RestoreKeeper({ node, store, monotonicMs: () => 0, wallMs: () => 7 });
  const proposed = (): readonly (Operation | undefined)[] =>
    node.proposals.map(({ what }) => {
      const decoded = decodeCommand(what);
      return decoded.ok ? decoded.value.operation : undefined;
    });
  const settle = (): void =>
    node.proposals.at(-1)?.settle({
      ...{ kind: "applied", position: { index: 1, term: 1 } },
      result: { kind: "restore", revision: 1 },
    });
  return { node, store, keeper, proposed, settle };
}

const step = { kind: "stepRestore", id, recordsMax: 256 };

describe("The keeper of restores", () => {
  it("takes a step after the other, each when the one before is applied, to the end", () => {
    const { store, keeper, proposed, settle } = kept("clearing");
    keeper.look();
    keeper.look();
    assert.deepEqual(proposed(), [step]);
    store.restore = { id, phase: "loading", touchedMs: 0 };
    settle();
    assert.deepEqual(proposed(), [step, step]);
    store.restore = { id, phase: "done", touchedMs: 0 };
    settle();
    keeper.look();
    assert.deepEqual(proposed(), [step, step]);
  });

  it("tries again what was not applied, at its next look", () => {
    const { node, keeper, proposed } = kept("dropping");
    keeper.look();
    node.proposals.at(-1)?.settle({ kind: "unknown", reason: "timeout" });
    assert.deepEqual(proposed(), [step]);
    keeper.look();
    assert.deepEqual(proposed(), [step, step]);
  });

  it("gives up what has been silent for long, and not before", () => {
    const patient = kept("staging", 61_000);
    patient.keeper.look();
    assert.deepEqual(patient.proposed(), []);
    const late = kept("staging", 61_001);
    late.keeper.look();
    assert.deepEqual(late.proposed(), [{ kind: "abortRestore", id }]);
  });

  it("does nothing where this node does not lead, or nothing is restored", () => {
    const follower = kept("loading");
    follower.node.clusterTime = undefined;
    const idle = kept(undefined);
    for (const { keeper, proposed } of [follower, idle]) {
      keeper.look();
      assert.deepEqual(proposed(), []);
    }
  });
});
