import { decodeCommand } from "../../../src/kv/command_encoding.ts";
import type { NodeId } from "../../../src/raft/types.ts";
import { VersionKeeper } from "../../../src/service/version_keeper.ts";
import { FakeNode } from "../../harness/fake_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** Node 1 of three leads, and can apply version 7; the cluster uses 4. */
function keeping(newest: Readonly<Record<NodeId, number>>, { leads = true } = {}) {
  const node = new FakeNode();
  node.current = { ...node.current, role: leads ? "leader" : "follower" };
  const own = { newest: 7, inUse: 4 };
  const raised: number[] = [];
  const keeper = new VersionKeeper({
    ...{ node, self: 1, own, members: () => [1, 2, 3] },
    newestOf: (id) => newest[id],
    ...{ monotonicMs: () => 0, wallMs: () => 0 },
    onRaised: (version) => raised.push(version),
  });
  const proposed = (): readonly unknown[] =>
    node.proposals.map(({ what }) => {
      const decoded = decodeCommand(what);
      return decoded.ok ? decoded.value.operation : decoded.reason;
    });
  return { node, keeper, own, raised, proposed };
}

describe("The data version of a cluster", () => {
  it("is raised to what every member can apply", () => {
    const { keeper, proposed } = keeping({ 2: 6, 3: 9 });
    keeper.look();
    assert.deepEqual(proposed(), [{ kind: "raiseDataVersion", version: 6 }]);
    keeper.look();
    assert.equal(proposed().length, 1, "once is enough");
  });

  it("stays while one member cannot apply more, was not met, or another node leads", () => {
    for (const newest of [{ 2: 4, 3: 9 }, { 2: 3, 3: 9 }, { 2: 9 }]) {
      const { keeper, proposed } = keeping(newest);
      keeper.look();
      assert.deepEqual(proposed(), []);
    }
    const { keeper, proposed } = keeping({ 2: 6, 3: 6 }, { leads: false });
    keeper.look();
    assert.deepEqual(proposed(), []);
  });

  it("is proposed again where that came to nothing, and told of once it is in use", () => {
    const { node, keeper, own, raised, proposed } = keeping({ 2: 7, 3: 7 });
    keeper.look();
    node.proposals[0]?.settle({ kind: "unknown", reason: "timeout" });
    assert.deepEqual(raised, []);
    keeper.look();
    assert.equal(proposed().length, 2);
    own.inUse = 7;
    node.proposals[1]?.settle({
      ...{ kind: "applied", position: { index: 1, term: 1 } },
      result: { kind: "nothing", revision: 1 },
    });
    assert.deepEqual(raised, [7]);
    keeper.look();
    assert.equal(proposed().length, 2);
  });
});
