import { decodeCommand } from "../../../src/kv/command_encoding.ts";
import type { Operation } from "../../../src/kv/command.ts";
import type { Result } from "../../../src/kv/result.ts";
import type { ProposeOutcome } from "../../../src/node/pending.ts";
import { type LeasedStore, LeaseKeeper } from "../../../src/service/lease_keeper.ts";
import { FakeNode } from "../../harness/fake_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

interface Lease {
  readonly id: string;
  readonly deadlineMs: number;
}

/** A node whose cluster time is `now`, over a store that has come to `stored`. */
function kept(
  times: { readonly now: number | undefined; readonly stored: number },
  leases: readonly Lease[],
) {
  const node = new FakeNode();
  node.clusterTime = times.now;
  const store: LeasedStore = {
    clusterTimeMs: times.stored,
    hasLeases: leases.length > 0,
    due: (nowMs, countMax) =>
      leases.filter(({ deadlineMs }) => deadlineMs <= nowMs).slice(0, countMax),
  };
  const keeper = new LeaseKeeper({ node, store, monotonicMs: () => 0, wallMs: () => 7 });
  return { node, keeper };
}

/** So many leases have ended. */
function ended(leases: number): ProposeOutcome<Result> {
  const position = { index: 1, term: 1 };
  return { kind: "applied", position, result: { kind: "ended", revision: 2, leases, deleted: 0 } };
}

function proposed({ proposals }: FakeNode): readonly (Operation | undefined)[] {
  return proposals.map(({ what }) => {
    const decoded = decodeCommand(what);
    return decoded.ok ? decoded.value.operation : undefined;
  });
}

describe("The keeper of leases", () => {
  it("proposes the end of those that are over, with their deadlines", () => {
    const leases = [{ id: "1", deadlineMs: 900 }, { id: "2", deadlineMs: 1_001 }];
    const { node, keeper } = kept({ now: 1_000, stored: 1_000 }, leases);
    keeper.look();
    assert.deepEqual(proposed(node), [
      { kind: "expireLeases", leases: [{ id: "1", deadlineMs: 900 }] },
    ]);
  });

  it("does nothing where it does not lead, however late it is", () => {
    const { node, keeper } = kept({ now: undefined, stored: 1_000 }, [{ id: "1", deadlineMs: 0 }]);
    keeper.look();
    assert.deepEqual(proposed(node), []);
  });

  it("moves cluster time on while there is a lease and nothing else does", () => {
    const lease = { id: "1", deadlineMs: 90_000 };
    const late = kept({ now: 1_500, stored: 1_000 }, [lease]);
    late.keeper.look();
    assert.deepEqual(proposed(late.node), [{ kind: "nothing" }]);
    const soon = kept({ now: 1_499, stored: 1_000 }, [lease]);
    soon.keeper.look();
    assert.deepEqual(proposed(soon.node), []);
    const idle = kept({ now: 99_000, stored: 1_000 }, []);
    idle.keeper.look();
    assert.deepEqual(proposed(idle.node), [], "nobody waits for it");
  });

  it("goes on at once while as many are over as one command ends", () => {
    const leases = Array.from({ length: 300 }, (_, at) => ({ id: String(at + 1), deadlineMs: at }));
    const { node, keeper } = kept({ now: 1_000, stored: 1_000 }, leases);
    keeper.look();
    const [first] = proposed(node);
    assert.ok(first?.kind === "expireLeases" && first.leases.length < leases.length);
    leases.splice(0, first.leases.length);
    node.proposals[0]!.settle(ended(first.leases.length));
    assert.equal(node.proposals.length, 2, "nobody has looked again");
    const left = leases.splice(0).length;
    node.proposals[1]!.settle(ended(left));
    assert.equal(node.proposals.length, 2, "those were all");
  });

  it("goes on at once where one command had too many keys to delete", () => {
    const leases = [1, 2].map((id) => ({ id: String(id), deadlineMs: 0 }));
    const { node, keeper } = kept({ now: 1_000, stored: 1_000 }, leases);
    keeper.look();
    leases.shift();
    node.proposals[0]!.settle(ended(1));
    assert.equal(node.proposals.length, 2, "nobody has looked again");
    node.proposals[1]!.settle(ended(0));
    assert.equal(node.proposals.length, 2, "whoever was kept alive is not asked for for ever");
  });

  it("waits for the next look where its command has come to nothing", () => {
    const leases = Array.from({ length: 300 }, (_, at) => ({ id: String(at + 1), deadlineMs: at }));
    const { node, keeper } = kept({ now: 1_000, stored: 1_000 }, leases);
    keeper.look();
    node.proposals[0]!.settle({ kind: "notApplied", reason: "overloaded" });
    assert.equal(node.proposals.length, 1);
  });

  it("proposes nothing more until that is settled, whatever became of it", () => {
    const { node, keeper } = kept({ now: 1_000, stored: 1_000 }, [{ id: "1", deadlineMs: 0 }]);
    keeper.look();
    keeper.look();
    assert.equal(node.proposals.length, 1);
    node.proposals[0]!.settle({ kind: "unknown", reason: "leadershipLost" });
    keeper.look();
    assert.equal(node.proposals.length, 2);
  });
});
