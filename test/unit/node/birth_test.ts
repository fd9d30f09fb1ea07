/** The birth of a cluster: who waits for whom, and what can go wrong meanwhile. */

import { IdentityKeeper } from "../../../src/node/identity_keeper.ts";
import { Birth, type BirthOutcome, firstWrite } from "../../../src/node/birth.ts";
import { Peers } from "../../../src/node/peers.ts";
import type { Hello, Identity } from "../../../src/node/ports.ts";
import { decodeConfiguration } from "../../../src/raft/encoding.ts";
import type { Configuration, NodeId } from "../../../src/raft/types.ts";
import { MemoryIdentity } from "../../../src/storage/memory/memory_identity.ts";
import { ManualClock } from "../../harness/manual_clock.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { incarnationOf } from "../../harness/raft_node.ts";
import { SimCluster } from "../../harness/sim_cluster.ts";
import type { SimNode } from "../../harness/sim_node.ts";
import { assert, describe, it } from "../../harness/test.ts";

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((item, at) =>
    permutations([...items.slice(0, at), ...items.slice(at + 1)]).map((rest) => [item, ...rest])
  );
}

/** The bytes of entry 1, as hexadecimal text; undefined while there is none. */
function firstEntry(node: SimNode): string | undefined {
  const { log } = node.disk;
  return log.lastIndex() < 1 ? undefined : Buffer.from(log.entry(1).data).toString("hex");
}

/** Every member stands in entry 1 with the incarnation of its directory, everywhere alike. */
function checkBorn(cluster: SimCluster): void {
  const [first, ...others] = cluster.nodes.map(firstEntry);
  assert.notEqual(first, undefined);
  for (const other of others) assert.equal(other, first);
  const { members, nodeIdMax } = decodeConfiguration(Buffer.from(first ?? "", "hex"));
  const wanted = cluster.nodes.map((node) => ({
    ...{ id: node.id, incarnation: node.identity()?.incarnation, suffrage: "voter" },
  })).sort((a, b) => a.id - b.id);
  assert.deepEqual(members.map((member) => ({ ...member })), wanted);
  assert.equal(nodeIdMax, Math.max(...cluster.ids));
  for (const node of cluster.nodes) {
    assert.deepEqual(node.identity()?.birth?.members.map(({ id }) => id), wanted.map((m) => m.id));
  }
}

/** Node 1 waits for node 2, which answers or refuses, and for node 3, which does not answer. */
function waiting(refuses: boolean) {
  const self = (nodeId: NodeId): Peers => {
    const identity = { clusterId: "c", nodeId, incarnation: incarnationOf(nodeId), starts: 1 };
    const store = new MemoryIdentity();
    const keeper = new IdentityKeeper(store, { ...identity, logEpoch: 1, recovering: false });
    return new Peers({
      ...{ keeper, nonce: nodeId, addresses: { rpc: "", http: "" }, bootstrapIds: [1, 2, 3] },
      ...{ protocols: { oldest: 1, newest: 1 }, dataVersion: 1, dataVersionInUse: () => 1 },
      ...{ programVersion: "", electionTimeoutMinMs: 1_000 },
    }, () => {});
  };
  const [peers, other] = [self(1), self(2)];
  const asked: Hello[] = [];
  const birth = new Birth({
    identity: {
      ...{ clusterId: "c", nodeId: 1, incarnation: incarnationOf(1), starts: 1 },
      ...{ logEpoch: 1, recovering: false },
    },
    configured: [{ id: 2, address: "n2" }, { id: 3, address: "n3" }],
    transport: {
      hello: (address, _mine, done) => {
        if (address !== "n2") return done(undefined);
        asked.push(other.hello(1));
        const by = { id: 2, incarnation: incarnationOf(2) };
        done(
          refuses
            ? { kind: "refused", reason: "no", final: false, removed: false, by }
            : { kind: "accepted", hello: other.hello(1) },
        );
      },
    },
    ...{ peers, clock: new ManualClock(), waiting: () => {}, done: () => {} },
  });
  return { birth, peers, asked };
}

const sizes: readonly (readonly NodeId[])[] = [[1], [1, 2, 3], [1, 2, 3, 4, 5]];

for (const ids of sizes) {
  describe(`The birth of ${ids.length} nodes`, () => {
    const orders = ids.length === 5
      // A fifth of all orders; which node comes first and which last is what differs.
      ? permutations(ids).filter((_, at) => at % 5 === 0)
      : permutations(ids);

    it("comes about in every order of starting, however far apart", () => {
      for (const [at, order] of orders.entries()) {
        const cluster = new SimCluster({ ids, seed: at + 1 });
        for (const id of order) {
          cluster.node(id).start();
          cluster.run(at % 3 === 0 ? 0 : at % 3 === 1 ? 70 : 1_300);
        }
        cluster.form();
        checkBorn(cluster);
      }
    });

    it("waits until the last one has come, and nobody votes before", () => {
      for (const last of ids.slice(ids.length === 1 ? 1 : 0)) {
        const cluster = new SimCluster({ ids, seed: last });
        const absent = cluster.node(last);
        for (const node of cluster.others(absent)) node.start();
        cluster.run(20_000);
        for (const node of cluster.others(absent)) {
          assert.deepEqual([node.formed, firstEntry(node)], [undefined, undefined]);
          const awaited = node.birth?.waitingFor() ?? "";
          assert.match(awaited, new RegExp(`^node ${last} at n${last} \\(no answer\\)$`));
        }
        absent.start();
        cluster.form();
        checkBorn(cluster);
      }
    });
  });
}

describe("A node that waits for the birth", () => {
  it("asks who has come at once, and again when that is born", () => {
    const cluster = new SimCluster();
    const [first, second, last] = [1, 2, 3].map((id) => cluster.node(id));
    first!.start();
    second!.start();
    // Both have given up waiting for an answer, and will ask again at the next half second.
    cluster.run(1_100);
    last!.start();
    cluster.run(80);
    for (const node of cluster.nodes) assert.ok(node.formed, `node ${node.id}`);
    checkBorn(cluster);
  });

  it("does not ask back who has refused it, nor who has told nothing new", () => {
    for (const refuses of [true, false]) {
      const { birth, peers, asked } = waiting(refuses);
      birth.start();
      assert.equal(asked.length, 1);
      for (let time = 0; time < 10; time++) peers.judge(asked[0]!);
      assert.equal(asked.length, 1);
    }
  });
});

describe("The birth over a bad network", () => {
  it("comes about although questions and answers are lost", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = new SimCluster({ seed, network: { lossPermille: 300 } });
      for (const node of cluster.nodes) node.start();
      const isBorn = () => cluster.nodes.every((node) => node.formed !== undefined);
      cluster.until(isBorn, `all to be formed with seed ${seed}`, 300_000);
      checkBorn(cluster);
    }
  });

  it("comes about although one direction is cut for a while", () => {
    for (const [from, to] of permutations([1, 2, 3])) {
      const cluster = new SimCluster({ seed: 10 * from! + to! });
      cluster.network.cut(`n${from}`, `n${to}`);
      for (const node of cluster.nodes) node.start();
      cluster.run(10_000);
      cluster.network.heal();
      cluster.form();
      checkBorn(cluster);
    }
  });

  it("tells who waits for the founder what it waits for", () => {
    const cluster = new SimCluster();
    // Everybody reaches the founder, and it nobody.
    cluster.network.cut("n1", "n2");
    cluster.network.cut("n1", "n3");
    for (const node of cluster.nodes) node.start();
    cluster.run(5_000);
    assert.equal(
      cluster.node(1).birth?.waitingFor(),
      "node 2 at n2 (no answer), " +
        "node 3 at n3 (no answer)",
    );
    assert.match(cluster.node(2).birth?.waitingFor() ?? "", /node 1 at n1 \(no answer\)/);
  });

  it("finds who stood still while it was asked", () => {
    const cluster = new SimCluster();
    cluster.node(2).start();
    cluster.run(3);
    cluster.node(2).pause();
    cluster.node(1).start();
    cluster.node(3).start();
    cluster.run(10_000);
    assert.equal(cluster.node(1).formed, undefined);
    cluster.node(2).resume();
    cluster.form();
    checkBorn(cluster);
  });
});

describe("A node that finds the cluster born", () => {
  const birth = configurationOf({ voters: [1, 2] });
  const identity: Identity = {
    ...{ clusterId: "c", nodeId: 2, incarnation: incarnationOf(2) },
    ...{ starts: 1, logEpoch: 1, recovering: false },
  };

  /** What node 2 makes of a node 1 that tells it of this cluster, or of none. */
  function told(
    cluster: Configuration | undefined,
    own: Partial<Identity> = {},
    from = 1,
  ): BirthOutcome | undefined {
    const addresses = { rpc: "", http: "" };
    const electionTimeoutMinMs = 1_000;
    const more = {
      addresses,
      bootstrapIds: [1, 2],
      protocols: { oldest: 1, newest: 1 },
      dataVersion: 1,
      dataVersionInUse: () => 1,
      programVersion: "",
      electionTimeoutMinMs,
    };
    const keeper = new IdentityKeeper(new MemoryIdentity(), { ...identity, ...own });
    const peers = new Peers({ keeper, nonce: 1, ...more }, () => {});
    const first = new IdentityKeeper(new MemoryIdentity(), {
      ...identity,
      nodeId: from,
      incarnation: incarnationOf(from),
    });
    const hello = new Peers({ keeper: first, nonce: 2, ...more }, () => {}).hello(2);
    let outcome: BirthOutcome | undefined;
    new Birth({
      identity: { ...identity, ...own },
      configured: [{ id: from, address: "n1" }],
      transport: {
        hello: (_address, _mine, done) =>
          done({ kind: "accepted", hello, ...(cluster && { cluster }) }),
      },
      peers,
      clock: new ManualClock(),
      waiting: () => {},
      done: (end) => outcome = end,
    }).start();
    return outcome;
  }

  const joining = { joining: [{ id: 1, address: "n1" }] };

  it("takes it over as well where that has taken it in, which does not name it", () => {
    const cluster = configurationOf({ voters: [1] });
    assert.deepEqual(told(cluster, joining), { kind: "born", configuration: cluster });
    // Nobody can have an id twice.
    assert.equal(told(birth, { ...joining, incarnation: "ffffffffffffffff" })?.kind, "refused");
  });

  it("founds nothing where whoever has taken it in is not born any more", () => {
    assert.equal(told(undefined, {}, 9)?.kind, "born");
    assert.equal(told(undefined, joining, 9), undefined);
  });

  it("takes it over when it is named there with its directory", () => {
    assert.deepEqual(told(birth), { kind: "born", configuration: birth });
  });

  it("is refused when it is named there with another directory, or not at all", () => {
    const other = told(birth, { incarnation: "ffffffffffffffff" });
    assert.match(other?.kind === "refused" ? other.reason : "", /another data directory/);
    const stranger = told(configurationOf({ voters: [1, 3] }));
    assert.match(
      stranger?.kind === "refused" ? stranger.reason : "",
      /to become a member of it, start with --join/,
    );
  });
});

describe("What a newborn node writes", () => {
  it("is entry 1, committed from the start, without a vote", () => {
    const members = [{ id: 3, incarnation: "00", suffrage: "voter" }] as const;
    const write = firstWrite({ members, nodeIdMax: 3 });
    assert.deepEqual(write.hardState, { currentTerm: 1, commitIndex: 1 });
    assert.equal(write.number, 1);
    const [entry, ...more] = write.entries;
    assert.deepEqual(more, []);
    const { index, term, kind, timeMs } = entry!;
    assert.deepEqual([index, term, kind, timeMs], [1, 1, "configuration", 0]);
  });
});
