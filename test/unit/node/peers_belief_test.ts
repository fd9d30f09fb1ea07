/** Whose word is enough to give a data directory up (docs/decisions/0008). */

import { IdentityKeeper } from "../../../src/node/identity_keeper.ts";
import { Peers } from "../../../src/node/peers.ts";
import type { Identity } from "../../../src/node/ports.ts";
import { MemoryIdentity } from "../../../src/storage/memory/memory_identity.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { incarnationOf } from "../../harness/raft_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const birth = configurationOf({ voters: [1, 2, 3] });

function peersOf(more: Partial<Identity>): Peers {
  const keeper = new IdentityKeeper(new MemoryIdentity(), {
    ...{ clusterId: "c", nodeId: 1, incarnation: incarnationOf(1) },
    ...{ starts: 4, logEpoch: 2, recovering: false },
    ...more,
  });
  return new Peers({
    ...{ keeper, nonce: 11, addresses: { rpc: "n1", http: "http://n1" }, bootstrapIds: [1, 2, 3] },
    ...{ protocols: { oldest: 2, newest: 4 }, dataVersion: 7, dataVersionInUse: () => 5 },
    ...{ programVersion: "0.1.0", electionTimeoutMinMs: 1_000 },
  }, () => {});
}

describe("Peers, a final refusal by somebody else", () => {
  const by = { id: 2, incarnation: incarnationOf(2) };
  const said = { kind: "refused", reason: "no", final: true, removed: false, by } as const;

  it("is believed from a member of the committed configuration alone", () => {
    const peers = peersOf({ birth });
    peers.judgeBy(() => birth);
    assert.equal(peers.believes(said), true);
    assert.equal(peers.believes({ ...said, final: false }), false);
    assert.equal(peers.believes({ ...said, by: { ...by, incarnation: "f".repeat(16) } }), false);
    assert.equal(peers.believes({ ...said, by: { ...by, id: 9 } }), false);
  });

  it("is not believed before there is a cluster", () => {
    assert.equal(peersOf({}).believes(said), false);
  });

  it("is believed from those that took this node in, until its own log names it", () => {
    const joining = [{ id: 1, address: "n1" }];
    const peers = peersOf({ nodeId: 4, birth, joining });
    let committed = birth;
    peers.judgeBy(() => committed);
    // It may have stayed behind when the others went on without it.
    assert.equal(peers.believes(said), false);
    assert.equal(peers.believes({ ...said, by: { id: 1, incarnation: incarnationOf(1) } }), true);
    committed = configurationOf({ voters: [1, 2, 4] });
    assert.equal(peers.believes(said), true);
  });
});
