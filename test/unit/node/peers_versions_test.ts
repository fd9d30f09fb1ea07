import { IdentityKeeper } from "../../../src/node/identity_keeper.ts";
import { Peers } from "../../../src/node/peers.ts";
import type { Hello } from "../../../src/node/ports.ts";
import { sharedProtocol } from "../../../src/node/protocol.ts";
import { MemoryIdentity } from "../../../src/storage/memory/memory_identity.ts";
import { sampleHello } from "../../harness/messages.ts";
import { assert, describe, it } from "../../harness/test.ts";

/** Node 1, which speaks the protocols 2 to 4 and can apply data version 7, in a cluster at 5. */
function judged(said: Partial<Hello>): string {
  const identity = {
    ...{ clusterId: sampleHello.clusterId, nodeId: 1, incarnation: "00000000000000aa" },
    ...{ starts: 1, logEpoch: 1, recovering: false },
  };
  const peers = new Peers({
    ...{ keeper: new IdentityKeeper(new MemoryIdentity(), identity), nonce: 11 },
    ...{ addresses: sampleHello.addresses, bootstrapIds: sampleHello.bootstrapIds },
    ...{ protocols: { oldest: 2, newest: 4 }, dataVersion: 7, dataVersionInUse: () => 5 },
    ...{ programVersion: "0.1.0", electionTimeoutMinMs: 1_000 },
  }, () => {});
  const answer = peers.judge({
    ...sampleHello,
    ...{ from: 2, to: 1, protocolVersion: 3, protocolVersionMin: 1, dataVersion: 5, ...said },
  });
  if (answer.kind === "refused") {
    return `${answer.final ? "for good" : "for now"}: ${answer.reason}`;
  }
  return `accepted, applies ${peers.dataVersionOf(2)}`;
}

describe("Two nodes of different versions", () => {
  it("talk in the newest protocol that both speak", () => {
    const shared = (...[oldest, newest]: readonly [number, number]): number | undefined =>
      sharedProtocol({ oldest: 2, newest: 4 }, { oldest, newest });
    assert.deepEqual([shared(1, 2), shared(1, 3), shared(3, 9), shared(4, 4)], [2, 3, 4, 4]);
    assert.deepEqual([shared(1, 1), shared(5, 6)], [undefined, undefined]);
  });

  it("accept each other where they share a protocol and can apply what the cluster uses", () => {
    assert.equal(judged({}), "accepted, applies 5");
    assert.equal(judged({ dataVersion: 9 }), "accepted, applies 9");
    assert.equal(judged({ protocolVersion: 2 }), "accepted, applies 5");
    assert.equal(judged({ protocolVersion: 9, protocolVersionMin: 4 }), "accepted, applies 5");
  });

  it("refuse each other otherwise, for now, and say which of them needs another program", () => {
    assert.equal(
      judged({ protocolVersion: 9, protocolVersionMin: 5 }),
      "for now: node 2 speaks protocol version 5 to 9, node 1 2 to 4: start a later version of " +
        "the program as node 1",
    );
    assert.equal(
      judged({ protocolVersion: 1, protocolVersionMin: 1 }),
      "for now: node 2 speaks protocol version 1, node 1 2 to 4: start a later version of the " +
        "program as node 2",
    );
    assert.equal(
      judged({ dataVersion: 4 }),
      "for now: node 2 can apply commands up to data version 4, the cluster uses 5: start a " +
        "later version of the program as node 2",
    );
  });
});
