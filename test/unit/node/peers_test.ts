import { IdentityKeeper } from "../../../src/node/identity_keeper.ts";
import {
  DiskFullError,
  type Hello,
  type HelloAnswer,
  type Identity,
  type Transport,
} from "../../../src/node/ports.ts";
import { Peers } from "../../../src/node/peers.ts";
import { MemoryIdentity } from "../../../src/storage/memory/memory_identity.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { incarnationOf } from "../../harness/raft_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

const identity: Identity = {
  ...{ clusterId: "c", nodeId: 1, incarnation: incarnationOf(1) },
  ...{ starts: 4, logEpoch: 2, recovering: false },
};
const birth = configurationOf({ voters: [1, 2, 3] });
const addresses = { rpc: "n1", http: "http://n1" };
const electionTimeoutMinMs = 1_000;

function keeperOf(more: Partial<Identity> = {}): IdentityKeeper {
  return new IdentityKeeper(new MemoryIdentity(), { ...identity, ...more });
}

function peersBy(keeper: IdentityKeeper, ask: Transport["hello"] = () => {}): Peers {
  return new Peers({
    ...{ keeper, nonce: 11, addresses, bootstrapIds: [1, 2, 3] },
    ...{ protocols: { oldest: 2, newest: 4 }, dataVersion: 7, dataVersionInUse: () => 5 },
    ...{ programVersion: "0.1.0", electionTimeoutMinMs },
  }, ask);
}

function peersOf(more: Partial<Identity> = {}): Peers {
  return peersBy(keeperOf(more));
}

/** As node 2 says it, apart from `change`. */
function hello(change: Partial<Hello> = {}): Hello {
  return {
    ...{ clusterId: "c", from: 2, to: 1, incarnation: incarnationOf(2), logEpoch: 1, starts: 1 },
    ...{ nonce: 22, protocolVersion: 3, protocolVersionMin: 1 },
    ...{ dataVersion: 5, programVersion: "0.1.0" },
    electionTimeoutMinMs,
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
      ...{ starts: 4, nonce: 11, protocolVersion: 4, protocolVersionMin: 2 },
      ...{ dataVersion: 7, programVersion: "0.1.0" },
      electionTimeoutMinMs,
      addresses,
      bootstrapIds: [1, 2, 3],
    });
  });

  it("names no other nodes once it is born, and the newest identity", () => {
    const keeper = keeperOf();
    const peers = peersBy(keeper);
    keeper.change({ birth, logEpoch: 3 });
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

  it("refuses another directory of who is about to be a member, for now", () => {
    const peers = peersOf({ birth });
    peers.judgeBy(() => birth, () => configurationOf({ voters: [1, 2, 3, 4] }));
    const from4 = (by: number) => peers.judge(hello({ from: 4, incarnation: incarnationOf(by) }));
    assert.match(refusal(from4(9)), /^for now: node id 4 belongs to another data directory/);
    assert.equal(from4(4).kind, "accepted");
  });

  it("accepts who knows only the address", () => {
    assert.equal(peersOf().judge(hello({ to: 0 })).kind, "accepted");
  });

  const strangers: readonly (readonly [string, Partial<Hello>, string])[] = [
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
      /^final: node id 2 belongs to another data directory \(incarnation .*, not f{16}\): put that/,
    );
    assert.equal(refusal(peers.judge(hello())), "accepted");
  });

  it("is accepted where the configuration does not name it: it may be an addition", () => {
    const peers = peersOf({ birth });
    peers.judgeBy(() => birth);
    assert.equal(peers.judge(hello({ from: 9 })).kind, "accepted");
  });

  it("is not judged by a newcomer: its part of the log may be from before a lost quorum", () => {
    const peers = peersOf({ birth });
    peers.judgeBy(() => configurationOf({ voters: [2, 3], nodeIdMax: 3 }));
    const other = hello({ incarnation: "ffffffffffffffff" });
    assert.equal(peers.judge(other).kind, "accepted");
  });

  it("is judged by the configuration as it is now", () => {
    let committed = configurationOf({ voters: [1, 3], nodeIdMax: 3 });
    const peers = peersOf({ birth });
    peers.judgeBy(() => committed);
    const newcomer = hello({ from: 4 });
    assert.equal(peers.judge(newcomer).kind, "accepted");
    committed = configurationOf({ voters: [1, 3, 4] });
    const other = hello({ from: 4, incarnation: "ffffffffffffffff" });
    assert.match(
      refusal(peers.judge(other)),
      /^final: node id 4 belongs to another data directory/,
    );
  });

  it("is told that it was removed where the configuration names it no more", () => {
    const peers = peersOf({ birth });
    peers.judgeBy(() => configurationOf({ voters: [1, 3], nodeIdMax: 3 }));
    const removed = peers.judge(hello());
    assert.match(
      refusal(removed),
      /^final: node 2 was removed from the cluster, and no id is used/,
    );
    assert.equal(removed.kind === "refused" && removed.removed, true);
    // What has applied nothing yet knows of nobody who was removed.
    peers.judgeBy(() => ({ members: [], nodeIdMax: 0 }));
    assert.equal(peers.judge(hello()).kind, "accepted");
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

describe("Peers, what they saw before a restart", () => {
  it("holds for the members: an older copy is known by it", () => {
    const keeper = keeperOf({ birth });
    const before = peersBy(keeper);
    before.judgeBy(() => birth);
    before.judge(hello({ starts: 5, nonce: 1 }));
    before.judge(hello({ from: 9, incarnation: incarnationOf(9) }));
    before.keepStarts(assert.ifError);
    assert.deepEqual(keeper.identity.peerStarts, [
      { id: 2, incarnation: incarnationOf(2), starts: 5, nonce: 1 },
    ]);
    const peers = peersBy(keeper);
    assert.equal(peers.addressesOf(2), undefined, "where it is now it has to say itself");
    assert.match(refusal(peers.judge(hello({ starts: 4, nonce: 2 }))), /5 were seen/);
    assert.match(refusal(peers.judge(hello({ starts: 5, nonce: 2 }))), /two processes/);
    assert.equal(refusal(peers.judge(hello({ starts: 5, nonce: 1 }))), "accepted");
  });

  it("is written down when it changes, and only then", () => {
    const store = new MemoryIdentity();
    let saves = 0;
    const counted = {
      load: () => store.load(),
      save: (_: Identity, done: () => void) => {
        saves++;
        done();
      },
    };
    const peers = peersBy(new IdentityKeeper(counted, { ...identity, birth }));
    peers.judge(hello());
    peers.keepStarts(assert.ifError);
    assert.equal(saves, 0, "nobody is a member yet");
    peers.judgeBy(() => birth);
    for (let look = 0; look < 3; look++) peers.keepStarts(assert.ifError);
    assert.equal(saves, 1);
    peers.judge(hello({ starts: 2, nonce: 23 }));
    for (let look = 0; look < 3; look++) peers.keepStarts(assert.ifError);
    assert.equal(saves, 2);
  });

  it("is written down later when the disk is full", () => {
    const store = new MemoryIdentity();
    let isFull = true;
    const full = {
      load: () => store.load(),
      save: (changed: Identity, done: () => void, dropped?: (error?: unknown) => void) => {
        if (isFull) dropped?.(new DiskFullError("no space left"));
        else store.save(changed, done);
      },
    };
    const peers = peersBy(new IdentityKeeper(full, { ...identity, birth }));
    peers.judgeBy(() => birth);
    peers.judge(hello());
    peers.keepStarts(assert.ifError);
    isFull = false;
    peers.keepStarts(assert.ifError);
    assert.equal(store.load()?.peerStarts?.length, 1);
  });

  it("is forgotten of all but the newest strangers", () => {
    const peers = peersOf({ birth });
    peers.judgeBy(() => birth);
    peers.judge(hello());
    for (let from = 10; from < 200; from++) peers.judge(hello({ from, starts: 9 }));
    const known = [2, 10, 135, 136, 199].map((id) => peers.addressesOf(id) !== undefined);
    assert.deepEqual(known, [true, false, false, true, true]);
    assert.equal(peers.judge(hello({ from: 10, starts: 1 })).kind, "accepted");
    assert.equal(peers.judge(hello({ from: 199, starts: 1 })).kind, "refused");
  });
});

describe("Peers, a later start while a stream of an earlier one is open", () => {
  const earlier = hello({ starts: 5, nonce: 1 });
  const later = hello({ starts: 6, nonce: 2, addresses: { rpc: "elsewhere", http: "" } });

  function asking(): {
    readonly peers: Peers;
    readonly asked: string[];
    answer(answer: HelloAnswer | undefined): void;
  } {
    const asked: string[] = [];
    let done: (answer: HelloAnswer | undefined) => void = () => {};
    const peers = peersBy(keeperOf(), (address, _mine, answered) => {
      asked.push(address);
      done = answered;
    });
    peers.judge(earlier);
    return { peers, asked, answer: (answer) => done(answer) };
  }

  it("has to wait until the earlier one was asked, where it is", () => {
    const { peers, asked } = asking();
    for (let attempt = 0; attempt < 3; attempt++) {
      assert.match(refusal(peers.judge(later, earlier)), /^for now: an earlier start of node 2/);
    }
    assert.deepEqual(asked, ["n2"]);
    assert.deepEqual(peers.addressesOf(2), earlier.addresses, "nothing is noted of it");
  });

  it("is refused for good when the earlier one answers, whenever it asks again", () => {
    const { peers, asked, answer } = asking();
    for (let attempt = 1; attempt < 3; attempt++) {
      peers.judge(later, earlier);
      answer({ kind: "accepted", hello: earlier });
      assert.match(refusal(peers.judge(later, earlier)), /^final: two processes run as node 2/);
      assert.equal(asked.length, attempt);
    }
  });

  const signsOfItsEnd: Readonly<Record<string, HelloAnswer | undefined>> = {
    "does not answer": undefined,
    "was replaced where it was": { kind: "accepted", hello: later },
    "gave its address to somebody else": { kind: "accepted", hello: hello({ from: 3, nonce: 3 }) },
  };
  for (const [what, answer] of Object.entries(signsOfItsEnd)) {
    it(`is accepted when the earlier one ${what}`, () => {
      const asked = asking();
      asked.peers.judge(later, earlier);
      asked.answer(answer);
      assert.equal(refusal(asked.peers.judge(later, earlier)), "accepted");
      assert.deepEqual(asked.peers.addressesOf(2), later.addresses);
      assert.match(refusal(asked.peers.judge(earlier)), /older copy/);
    });
  }

  it("is not judged by what was answered on behalf of another start", () => {
    for (const answer of [undefined, { kind: "accepted", hello: earlier } as const]) {
      const asked = asking();
      asked.peers.judge(later, earlier);
      asked.answer(answer);
      // That one went away before it asked again; this one comes much later.
      const another = { ...later, nonce: 3 };
      assert.match(refusal(asked.peers.judge(another, earlier)), /^for now: an earlier start/);
      assert.equal(asked.asked.length, 2);
    }
  });

  it("is accepted at once when that stream has ended", () => {
    const { peers, asked } = asking();
    assert.equal(refusal(peers.judge(later)), "accepted");
    assert.deepEqual(asked, []);
  });
});

describe("Peers, a refusal", () => {
  it("says who refuses", () => {
    const answer = peersOf().judge(hello({ clusterId: "d" }));
    assert.deepEqual(answer.kind === "refused" && answer.by, {
      ...{ id: 1, incarnation: incarnationOf(1) },
    });
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

  it("tells who waits long enough for a leader: nobody before it has said so", () => {
    const peers = peersOf();
    assert.equal(peers.waits(2, 1), false);
    peers.judge(hello({ electionTimeoutMinMs: 500 }));
    assert.equal(peers.waits(2, 500), true);
    assert.equal(peers.waits(2, 501), false);
  });
});
