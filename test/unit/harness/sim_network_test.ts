import { assert, describe, it } from "../../harness/test.ts";
import { heartbeat } from "../../harness/raft_messages.ts";
import { calmNetwork, SimNetwork, type SimNetworkOptions } from "../../harness/sim_network.ts";
import { SimProcess } from "../../harness/sim_process.ts";
import { SimScheduler } from "../../harness/sim_scheduler.ts";
import { Prng } from "../../../src/lib/prng.ts";
import type { Hello, HelloAnswer, Transport } from "../../../src/node/ports.ts";
import type { Envelope } from "../../../src/raft/message.ts";

const secondUs = 1_000_000;

function helloOf(from: number, to: number, clusterId = "c"): Hello {
  return {
    ...{ clusterId, from, to, incarnation: `${from}`, logEpoch: 0, starts: 1, nonce: from },
    ...{
      protocolVersion: 1,
      protocolVersionMin: 1,
      dataVersion: 1,
      programVersion: "0.1.0",
      bootstrapIds: [],
    },
    electionTimeoutMinMs: 1_000,
    addresses: { rpc: `n${from}`, http: "" },
  };
}

/** A heartbeat whose round tells it from all others. */
function numbered(from: number, to: number, round: number): Envelope {
  return { from, to, fromEpoch: 0, toEpoch: 0, term: 1, message: heartbeat(round, 0) };
}

interface Node {
  readonly transport: Transport;
  readonly process: SimProcess;
  /** `from:round` of what arrived. */
  readonly received: string[];
  readonly unreachable: number[];
  /** Who turned it away. */
  readonly refused: Set<number>;
}

class NetworkWorld {
  readonly scheduler = new SimScheduler();
  readonly prng: Prng;
  readonly network: SimNetwork;
  readonly nodes: Node[] = [];

  constructor(options: Partial<SimNetworkOptions> = {}, seed = 1) {
    this.prng = new Prng(seed);
    this.network = new SimNetwork(this, { ...calmNetwork, ...options });
    for (const id of [1, 2, 3]) this.nodes.push(this.start(id));
  }

  start(id: number, clusterId = "c"): Node {
    const process = new SimProcess(`n${id}`, this);
    const transport = this.network.open(`n${id}`, process);
    const node: Node = { transport, process, received: [], unreachable: [], refused: new Set() };
    transport.onReceive(({ from, message }) => {
      if (message.kind === "heartbeat") node.received.push(`${from}:${message.round}`);
    });
    transport.onUnreachable((peer) => node.unreachable.push(peer));
    transport.onRefused((peer) => node.refused.add(peer));
    transport.onHello((theirs): HelloAnswer =>
      theirs.clusterId === clusterId
        ? { kind: "accepted", hello: helloOf(id, theirs.from, clusterId) }
        : {
          kind: "refused",
          reason: "another cluster",
          final: true,
          removed: false,
          by: { id, incarnation: "0123456789abcdef" },
        }
    );
    transport.setHello((to) => helloOf(id, to, clusterId));
    const others = [1, 2, 3].filter((peer) => peer !== id);
    transport.setPeers(others.map((peer) => ({ id: peer, address: `n${peer}` })));
    return node;
  }

  node(id: number): Node {
    return this.nodes[id - 1]!;
  }

  sendMany(from: number, to: number, count: number): void {
    for (let round = 1; round <= count; round++) {
      this.node(from).transport.send(numbered(from, to, round));
    }
  }

  run(forUs = secondUs): void {
    this.scheduler.runFor(forUs);
  }
}

function rounds(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `1:${i + 1}`);
}

describe("SimNetwork as streams", () => {
  it("delivers everything once and in order, after a delay", () => {
    const world = new NetworkWorld();
    world.sendMany(1, 2, 50);
    assert.deepEqual(world.node(2).received, []);
    world.run();
    assert.deepEqual(world.node(2).received, rounds(50));
    assert.deepEqual(world.node(1).unreachable, []);
  });

  it("loses a suffix of what is under way when the stream breaks, tells, and goes on", () => {
    const arrived = new Set<number>();
    for (let seed = 0; seed < 30; seed++) {
      const world = new NetworkWorld({}, seed);
      world.node(1).transport.send(numbered(1, 2, 1));
      world.run();
      for (let round = 2; round <= 6; round++) {
        world.node(1).transport.send(numbered(1, 2, round));
      }
      world.network.reset("n1", "n2");
      world.run();
      const { received } = world.node(2);
      assert.deepEqual(received, rounds(received.length));
      if (received.length < 6) assert.deepEqual(world.node(1).unreachable, [2]);
      arrived.add(received.length);
      world.node(1).transport.send(numbered(1, 2, 99));
      world.run();
      assert.equal(received.at(-1), "1:99");
    }
    assert.ok(arrived.size > 3, [...arrived].join(" "));
  });

  it("takes a loss for the end of the stream, so that order has no holes", () => {
    const world = new NetworkWorld({ lossPermille: 100 });
    for (let round = 1; round <= 300; round++) {
      world.node(1).transport.send(numbered(1, 2, round));
      world.run(5_000);
    }
    world.run(5 * secondUs);
    const seen = world.node(2).received.map((each) => Number(each.split(":")[1]));
    assert.deepEqual(seen, [...seen].sort((a, b) => a - b));
    assert.ok(seen.length > 20 && seen.length < 300, `${seen.length}`);
    assert.ok(world.node(1).unreachable.length > 5);
  });

  it("cuts one way and leaves the other, for what is under way too", () => {
    const world = new NetworkWorld();
    world.sendMany(1, 2, 1);
    world.sendMany(2, 1, 1);
    world.run();
    world.node(1).transport.send(numbered(1, 2, 2));
    world.network.cut("n1", "n2");
    world.node(2).transport.send(numbered(2, 1, 2));
    world.run(5 * secondUs);
    assert.deepEqual(world.node(2).received, ["1:1"]);
    assert.deepEqual(world.node(1).received, ["2:1", "2:2"]);
    assert.ok(world.node(1).unreachable.includes(2));
    world.network.mend("n1", "n2");
    world.run(5 * secondUs);
    world.node(1).transport.send(numbered(1, 2, 3));
    world.run(5 * secondUs);
    assert.deepEqual(world.node(2).received, ["1:1", "1:3"]);
  });

  it("partitions into groups, again into others, and heals", () => {
    const world = new NetworkWorld();
    const reach = (): string => {
      const pairs = [[1, 2], [2, 1], [1, 3], [3, 1], [2, 3], [3, 2]] as const;
      for (const node of world.nodes) node.received.length = 0;
      for (const [from, to] of pairs) world.sendMany(from, to, 1);
      world.run(5 * secondUs);
      return pairs.filter(([from, to]) => world.node(to).received.includes(`${from}:1`))
        .map(([from, to]) => `${from}${to}`).join(" ");
    };
    world.network.partition([["n1"], ["n2", "n3"]]);
    assert.equal(reach(), "23 32");
    world.network.partition([["n1", "n2"], ["n3"]]);
    assert.equal(reach(), "12 21");
    world.network.heal();
    assert.equal(reach(), "12 21 13 31 23 32");
  });

  it("drops what exceeds the capacity of a link", () => {
    const world = new NetworkWorld({ capacity: 4 });
    world.sendMany(1, 2, 10);
    world.run();
    assert.deepEqual(world.node(2).received, rounds(4));
    assert.equal(world.node(1).unreachable.length, 6);
  });

  it("is silent for a paused node, and dead for a killed one until it is started again", () => {
    const world = new NetworkWorld();
    world.sendMany(1, 2, 1);
    world.run();
    world.node(2).process.pause();
    world.node(1).transport.send(numbered(1, 2, 2));
    world.run();
    assert.deepEqual(world.node(2).received, ["1:1"]);
    world.node(2).process.resume();
    world.run();
    assert.deepEqual(world.node(2).received, ["1:1", "1:2"]);
    world.node(2).process.kill();
    world.node(1).transport.send(numbered(1, 2, 3));
    world.run(5 * secondUs);
    assert.deepEqual(world.node(2).received, ["1:1", "1:2"]);
    assert.ok(world.node(1).unreachable.includes(2));
    world.nodes[1] = world.start(2);
    world.node(1).transport.send(numbered(1, 2, 4));
    world.run(5 * secondUs);
    assert.deepEqual(world.node(2).received, ["1:4"]);
  });

  it("opens no stream to or from a node that the other side refuses", () => {
    const world = new NetworkWorld();
    world.nodes[1] = world.start(2, "other");
    world.sendMany(1, 2, 1);
    world.sendMany(2, 1, 1);
    world.run(5 * secondUs);
    assert.deepEqual([...world.node(1).received, ...world.node(2).received], []);
    assert.deepEqual([...world.node(1).refused], [2]);
    assert.deepEqual([...world.node(2).refused].sort(), [1, 3]);
  });

  it("asks a node that was started again to judge anew, on a stream that was open", () => {
    const world = new NetworkWorld();
    world.sendMany(1, 2, 1);
    world.run();
    world.node(2).process.kill();
    world.nodes[1] = world.start(2, "other");
    world.node(1).transport.send(numbered(1, 2, 2));
    world.run();
    assert.deepEqual([world.node(2).received, [...world.node(1).refused]], [[], [2]]);
  });

  it("swallows what is sent behind a loss until the sender has found out", () => {
    const world = new NetworkWorld();
    world.sendMany(1, 2, 1);
    world.run();
    world.network.options = { ...calmNetwork, lossPermille: 1_000 };
    world.node(1).transport.send(numbered(1, 2, 2));
    world.network.options = calmNetwork;
    world.node(1).transport.send(numbered(1, 2, 3));
    world.run();
    world.node(1).transport.send(numbered(1, 2, 4));
    world.run();
    assert.deepEqual(world.node(2).received, ["1:1", "1:4"]);
    assert.deepEqual(world.node(1).unreachable, [2]);
  });

  it("closes: what was sent before may arrive, nothing after", () => {
    const world = new NetworkWorld();
    let closed = false;
    world.node(2).transport.close(() => closed = true);
    world.sendMany(1, 2, 1);
    world.node(2).transport.send(numbered(2, 1, 1));
    world.run(5 * secondUs);
    assert.equal(closed, true);
    assert.deepEqual([...world.node(1).received, ...world.node(2).received], []);
  });
});

describe("SimNetwork: hello", () => {
  const asked = (world: NetworkWorld, address: string): string => {
    let seen = "no answer yet";
    world.node(1).transport.hello(address, helloOf(1, 2), (answer) => {
      seen = answer === undefined ? "none" : answer.kind;
    });
    world.run(10 * secondUs);
    return seen;
  };

  it("answers, refuses, or tells after a while that nobody answered", () => {
    const world = new NetworkWorld();
    assert.equal(asked(world, "n2"), "accepted");
    assert.equal(asked(world, "nowhere"), "none");
    world.network.cut("n2", "n1");
    assert.equal(asked(world, "n2"), "none");
    world.network.heal();
    world.nodes[1] = world.start(2, "other");
    assert.equal(asked(world, "n2"), "refused");
  });
});

describe("SimNetwork as datagrams", () => {
  it("loses, repeats and reorders", () => {
    const options = {
      datagrams: true,
      lossPermille: 200,
      repeatPermille: 200,
      delaySpreadUs: 5_000,
    };
    const world = new NetworkWorld(options);
    world.sendMany(1, 2, 200);
    world.run();
    const seen = world.node(2).received;
    const distinct = new Set(seen);
    assert.ok(distinct.size > 120 && distinct.size < 195, `${distinct.size} arrived`);
    assert.ok(seen.length > distinct.size, "none arrived twice");
    const numbers = seen.map((each) => Number(each.split(":")[1]));
    assert.notDeepEqual(numbers, [...numbers].sort((a, b) => a - b));
  });
});

describe("determinism", () => {
  /** Nodes that answer at random, under every fault; the hash of all that happened. */
  const runSeed = (seed: number): string => {
    const world = new NetworkWorld({ lossPermille: 20, datagrams: seed % 2 === 1 }, seed);
    const faults = world.prng.split();
    for (let round = 0; round < 400; round++) {
      const [from, to] = [1 + faults.below(3), 1 + faults.below(3)];
      world.node(from).transport.send(numbered(from, to, round));
      const victim = 1 + faults.below(3);
      switch (faults.below(20)) {
        case 0:
          world.node(victim).process.pause();
          break;
        case 1:
          world.node(victim).process.kill();
          world.nodes[victim - 1] = world.start(victim);
          break;
        case 2:
          world.network.cut(`n${from}`, `n${victim}`);
          break;
        case 3:
          world.network.heal();
          for (const { process } of world.nodes) process.resume();
          break;
        case 4:
          world.network.reset(`n${from}`, `n${victim}`);
          break;
      }
      world.run(faults.below(2_000));
    }
    return world.scheduler.traceHash;
  };

  it("the same seed gives the same trace, another seed another one", () => {
    for (let seed = 1; seed <= 10; seed++) assert.equal(runSeed(seed), runSeed(seed));
    assert.equal(new Set([1, 2, 3, 4, 5, 6].map(runSeed)).size, 6);
  });

  it("the same seed gives the same trace on every runtime", () => {
    assert.deepEqual([runSeed(7), runSeed(8)], ["540371c8", "3374e9c1"]);
  });
});
