import { AddressKeeper, type KeptNode } from "../../../src/node/address_keeper.ts";
import type { MemberAddresses, NodeId } from "../../../src/raft/types.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { position } from "../../harness/raft_messages.ts";
import { nodeStatus } from "../../harness/node_status.ts";
import { assert, describe, it } from "../../harness/test.ts";

type Change = Parameters<KeptNode["changeConfiguration"]>;

const configuration = configurationOf({ voters: [1, 2, 3] });
const leading = nodeStatus({
  role: "leader",
  termStart: 5,
  commitIndex: 7,
  configuration: { position: position("4@2"), configuration },
  configurationCommitted: true,
});

function keeper(status: Partial<typeof leading> = {}) {
  const changes: Change[] = [];
  const known = new Map<NodeId, MemberAddresses>();
  const current = { ...leading, ...status };
  const kept = new AddressKeeper({
    status: () => current,
    changeConfiguration: (...change) => changes.push(change),
  }, (id) => known.get(id));
  return {
    kept,
    changes,
    known,
    set: (more: Partial<typeof leading>) => Object.assign(current, more),
  };
}

const at = (name: string): MemberAddresses => ({ rpc: name, http: `http://${name}` });

describe("AddressKeeper", () => {
  it("proposes the members as they are, with the addresses that it knows", () => {
    const { kept, changes, known } = keeper();
    known.set(2, at("n2"));
    kept.look(1_000);
    assert.equal(changes.length, 1);
    const [change, expected, deadlineMs] = changes[0]!;
    assert.deepEqual(change.members, [
      configuration.members[0],
      { ...configuration.members[1], addresses: at("n2") },
      configuration.members[2],
    ]);
    assert.deepEqual([expected, deadlineMs], [position("4@2"), 6_000]);
  });

  it("proposes nothing where all are written down, or nothing is known", () => {
    const { kept, changes, known, set } = keeper();
    kept.look(0);
    const members = configuration.members.map((member) => ({ ...member, addresses: at("x") }));
    set({
      configuration: { position: position("4@2"), configuration: { ...configuration, members } },
    });
    known.set(2, at("x"));
    kept.look(0);
    assert.deepEqual(changes, []);
  });

  it("proposes again what changed, and one change at a time", () => {
    const { kept, changes, known } = keeper();
    known.set(2, at("n2"));
    kept.look(0);
    known.set(3, at("n3"));
    kept.look(0);
    assert.equal(changes.length, 1);
    changes[0]![3]({ kind: "unknown", reason: "timeout" });
    kept.look(0);
    assert.equal(changes.length, 2);
    assert.deepEqual(changes[1]![0].members.map(({ addresses }) => addresses?.rpc), [
      undefined,
      "n2",
      "n3",
    ]);
  });

  const joint = { ...configuration, outgoing: configuration.members };
  const obstacles: Readonly<Record<string, Partial<typeof leading>>> = {
    "does not lead": { role: "follower" },
    "has committed nothing of its own term": { commitIndex: 4 },
    "has a configuration that is not committed": { configurationCommitted: false },
    "is between two configurations": {
      configuration: { position: position("4@2"), configuration: joint },
    },
  };
  for (const [what, status] of Object.entries(obstacles)) {
    it(`proposes nothing while its node ${what}`, () => {
      const { kept, changes, known } = keeper(status);
      known.set(2, at("n2"));
      kept.look(0);
      assert.deepEqual(changes, []);
    });
  }
});
