import type { Hello, HelloAnswer, Identity } from "../../../src/node/ports.ts";
import { Peers, protocolVersion, sameAddresses } from "../../../src/node/peers.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { incarnationOf } from "../../harness/raft_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const identity: Identity = {
  ...{ clusterId: "c", nodeId: 1, incarnation: incarnationOf(1) },
  ...{ starts: 4, logEpoch: 2, recovering: false },
};
const birth = configurationOf({ voters: [1, 2, 3] });
const addresses = { rpc: "n1", http: "http://n1" };

function peersOf(more: Partial<Identity> = {}): Peers {
  return new Peers({
    ...{ identity: { ...identity, ...more }, nonce: 11, addresses, bootstrapIds: [1, 2, 3] },
    ...{ dataVersion: 1, programVersion: "0.1.0" },
  });
}

/** As node 2 says it, apart from `change`. */
function hello(change: Partial<Hello> = {}): Hello {
  return {
    ...{ clusterId: "c", from: 2, to: 1, incarnation: incarnationOf(2), logEpoch: 1, starts: 1 },
    ...{ nonce: 22, protocolVersion, dataVersion: 1, programVersion: "0.1.0" },
    addresses: { rpc: "n2", http: "http://n2" },
    bootstrapIds: [1, 2, 3],
    ...change,
  };
}

function refusal(answer: HelloAnswer): string {
  if (answer.kind !== "refused") return "accepted";
  return `${answer.final ? "final" : "for now"}: ${answer.reason}`;
}

describe("Peers, what a node says of itself", () => {
  it("is all that stands in its directory, to whom it speaks", () => {
    assert.deepEqual(peersOf().hello(3), {
      ...{ clusterId: "c", from: 1, to: 3, incarnation: incarnationOf(1), logEpoch: 2 },
      ...{ starts: 4, nonce: 11, protocolVersion, dataVersion: 1, programVersion: "0.1.0" },
      addresses,
      bootstrapIds: [1, 2, 3],
    });
  });

  it("names no other nodes once it is born, and the newest identity", () => {
    const peers = peersOf();
    peers.setIdentity({ ...identity, birth, logEpoch: 3 });
    const { bootstrapIds, logEpoch } = peers.hello(2);
    assert.deepEqual([bootstrapIds, logEpoch], [[], 3]);
  });
});

describe("Peers, an answer to a Hello", () => {
  it("accepts who belongs here, and says who answers", () => {
    const peers = peersOf();
    assert.deepEqual(peers.judge(hello()), { kind: "accepted", hello: peers.hello(2) });
  });

  it("tells the cluster to who asks once there is one", () => {
    const peers = peersOf({ birth });
    const answer = peers.judge(hello());
    assert.deepEqual(answer.kind === "accepted" && answer.cluster, birth);
  });

  it("accepts who knows only the address", () => {
    assert.equal(peersOf().judge(hello({ to: 0 })).kind, "accepted");
  });

  const strangers: readonly (readonly [string, Partial<Hello>, string])[] = [
    ["another protocol", { protocolVersion: 9 }, "protocol version 9, this node speaks 1"],
    ["another cluster", { clusterId: "d" }, 'cluster_id "d", this node belongs to "c"'],
    ["itself", { from: 1, nonce: 11 }, "this address is the asker's own: node 1"],
    ["its own id", { from: 1, nonce: 12 }, "another process already runs as node 1"],
    ["somebody else's address", { to: 3 }, "node 3 was expected here, this is node 1"],
    [
      "other nodes in its file",
      { bootstrapIds: [1, 2] },
      "its configuration names the nodes 1, 2, the one of node 1 names 1, 2, 3",
    ],
  ];
  for (const [what, change, reason] of strangers) {
    it(`refuses who has ${what}, for now: its file may be corrected`, () => {
      const peers = peersOf();
      assert.equal(refusal(peers.judge(hello(change))), `for now: ${reason}`);
      assert.equal(peers.addressesOf(2), undefined, "nothing is noted of it");
    });
  }

  it("does not compare the files once either of both is born", () => {
    assert.equal(peersOf({ birth }).judge(hello({ bootstrapIds: [1, 2] })).kind, "accepted");
    assert.equal(peersOf().judge(hello({ bootstrapIds: [] })).kind, "accepted");
  });
});

describe("Peers, the directory behind an id", () => {
  it("is refused for good when it is another one than the committed configuration names", () => {
    const peers = peersOf({ birth });
    peers.judgeBy(() => birth);
    const other = hello({ incarnation: "ffffffffffffffff" });
    assert.match(
      refusal(peers.judge(other)),
      /^final: node id 2 belongs to another data directory \(incarnation .*, not f{16}\)/,
    );
    assert.equal(refusal(peers.judge(hello())), "accepted");
  });

  it("is accepted where the configuration does not name it: it may be an addition", () => {
    const peers = peersOf({ birth });
    peers.judgeBy(() => birth);
    assert.equal(peers.judge(hello({ from: 9 })).kind, "accepted");
  });

  it("is judged by the configuration as it is now", () => {
    let committed = birth;
    const peers = peersOf({ birth });
    peers.judgeBy(() => committed);
    const other = hello({ incarnation: "ffffffffffffffff" });
    assert.equal(peers.judge(other).kind, "refused");
    committed = configurationOf({ voters: [1, 3] });
    assert.equal(peers.judge(other).kind, "accepted");
  });

  const later: readonly (readonly [string, Partial<Hello>, string])[] = [
    ["the same start again", { starts: 5, nonce: 1 }, "accepted"],
    ["a later start", { starts: 6, nonce: 2 }, "accepted"],
    [
      "the same start with another nonce",
      { starts: 5, nonce: 2 },
      "final: two processes run as node 2 on copies of one data directory",
    ],
    [
      "an earlier start",
      { starts: 4, nonce: 2 },
      "final: the data directory of node 2 is an older copy: it counts 4 starts, 5 were seen",
    ],
    ["an earlier start of another directory", { starts: 1, incarnation: "00" }, "accepted"],
  ];
  for (const [what, change, expected] of later) {
    it(`after its fifth start, shows ${what}: ${expected.split(":")[0]}`, () => {
      const peers = peersOf();
      peers.judge(hello({ starts: 5, nonce: 1 }));
      assert.equal(refusal(peers.judge(hello(change))), expected);
    });
  }

  it("keeps the newest pair that was seen, also from an answer", () => {
    const peers = peersOf();
    peers.note(hello({ starts: 7 }));
    assert.match(refusal(peers.judge(hello({ starts: 6 }))), /older copy/);
    assert.match(refusal(peers.judge(hello({ starts: 5 }))), /7 were seen/);
  });
});

describe("Peers, where and what a peer is", () => {
  it("is what it said last, and nothing where it was refused", () => {
    const peers = peersOf();
    assert.deepEqual([peers.addressesOf(2), peers.versionOf(2)], [undefined, undefined]);
    peers.judge(hello());
    const moved = { rpc: "n9", http: "http://n9", clientRpc: "n9c" };
    peers.judge(hello({ starts: 2, addresses: moved, programVersion: "0.2.0" }));
    peers.judge(hello({ starts: 1, addresses }));
    assert.deepEqual([peers.addressesOf(2), peers.versionOf(2)], [moved, "0.2.0"]);
  });

  it("addresses are the same only when all of them are", () => {
    const whole = { rpc: "a", http: "b", clientRpc: "c" };
    assert.equal(sameAddresses(whole, { ...whole }), true);
    assert.equal(sameAddresses(undefined, undefined), true);
    for (const other of [{ rpc: "x" }, { http: "x" }, { clientRpc: "x" }]) {
      assert.equal(sameAddresses(whole, { ...whole, ...other }), false);
    }
    assert.equal(sameAddresses(whole, undefined), false);
    assert.equal(sameAddresses({ rpc: "a", http: "b" }, whole), false);
  });
});
