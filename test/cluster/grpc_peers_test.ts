/** The peer port: strangers and broken peers are refused and named, and harm nobody. */

import { codec, method } from "../../src/grpc/codec.ts";
import { fromEnvelope } from "../../src/grpc/convert.ts";
import { fromHello, toHelloAnswer } from "../../src/grpc/convert_hello.ts";
import { defaultPeerTiming } from "../../src/grpc/peer_connection.ts";
import { Prng } from "../../src/lib/prng.ts";
import type { Hello, HelloAnswer } from "../../src/node/ports.ts";
import { makeEntry } from "../../src/raft/encoding.ts";
import type { Envelope } from "../../src/raft/message.ts";
import { grpcStatus } from "../../src/service/errors.ts";
import { TestGrpcClient } from "../harness/grpc_client.ts";
import { type GrpcNode, refusalFor, startGrpcNode, testHello } from "../harness/grpc_node.ts";
import { heartbeat as beat } from "../harness/raft_messages.ts";
import { freePorts } from "../harness/ports.ts";
import { runtimeNames, startProgram } from "../harness/runtime_process.ts";
import { after, assert, before, beforeEach, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const connectMethod = method("skein.raft.v1.RaftService", "Connect");
const frames = codec("skein.raft.v1.Frame");

function heartbeat(from: number, to: number, round = 1): Envelope {
  return { from, to, fromEpoch: 0, toEpoch: 0, term: 1, message: beat(round, 0) };
}

interface RawStream {
  write(bytes: Uint8Array): void;
  frame(message: Parameters<typeof frames.encode>[0]): void;
  readonly answers: readonly HelloAnswer[];
  readonly status: Promise<{ readonly code: number; readonly details: string }>;
  cancel(): void;
}

/** A peer that says what it likes. */
function rawStream(client: TestGrpcClient): RawStream {
  const call = client.rawStream(connectMethod.path);
  const answers: HelloAnswer[] = [];
  call.on("data", (bytes: Buffer) => {
    const { helloAnswer } = frames.decode(bytes);
    if (helloAnswer !== null && helloAnswer !== undefined) answers.push(toHelloAnswer(helloAnswer));
  });
  const status = new Promise<{ code: number; details: string }>((resolve) => {
    call.on("status", resolve);
  });
  return {
    write: (bytes) => call.write(bytes),
    frame: (message) => call.write(frames.encode(message)),
    answers,
    status,
    cancel: () => call.cancel(),
  };
}

function helloFrom(id: number, more: Partial<Parameters<typeof fromHello>[0]> = {}) {
  const hello = fromHello({ ...testHello({ id, address: "127.0.0.1:1" }), to: 1, ...more });
  return { hello, envelopes: [] };
}

describe("the peer port", () => {
  let node: GrpcNode;
  let client: TestGrpcClient;

  before(async () => {
    node = await startGrpcNode({ id: 1 });
    client = new TestGrpcClient(node.address);
  });

  beforeEach(() => {
    node.received.length = 0;
    node.faults.length = 0;
  });

  after(async () => {
    client.close();
    await node.close();
  });

  /** A stream on which node `id` was accepted. */
  async function accepted(id: number): Promise<RawStream> {
    const stream = rawStream(client);
    stream.frame(helloFrom(id));
    await until(() => stream.answers.length > 0, { what: "the answer to Hello" });
    assert.equal(stream.answers[0]?.kind, "accepted");
    return stream;
  }

  it("refuses another cluster's node, tells it why, and names it", async () => {
    const stream = rawStream(client);
    stream.frame(helloFrom(2, { clusterId: "other-cluster" }));
    stream.frame({ envelopes: [fromEnvelope(heartbeat(2, 1))] });
    assert.equal((await stream.status).code, grpcStatus.ok);
    const [answer] = stream.answers;
    assert.equal(answer?.kind, "refused");
    assert.match(answer?.kind === "refused" ? answer.reason : "", /other-cluster/);
    const fault = node.faults.find(({ kind }) => kind === "hello");
    assert.match(fault?.source ?? "", /^node 2 \(127\.0\.0\.1:/);
    assert.match(fault?.detail ?? "", /other-cluster/);
    assert.equal(node.received.length, 0);
  });

  it("hears nobody who has not said Hello first", async () => {
    const stream = rawStream(client);
    stream.frame({ envelopes: [fromEnvelope(heartbeat(2, 1))] });
    assert.equal((await stream.status).code, grpcStatus.invalidArgument);
    assert.equal(node.faults[0]?.kind, "hello");
    assert.equal(node.received.length, 0);
  });

  it("refuses a first frame that is none", async () => {
    for (const bytes of ["ffffffffff", "0a", "", "0a0108"]) {
      const stream = rawStream(client);
      stream.write(Buffer.from(bytes, "hex"));
      assert.equal((await stream.status).code, grpcStatus.invalidArgument, bytes);
    }
  });

  it("drops and names a broken frame as a whole, and hears the next one", async () => {
    const stream = await accepted(20);
    const good = fromEnvelope(heartbeat(20, 1, 1));
    const entry = makeEntry({
      index: 1,
      term: 1,
      kind: "command",
      timeMs: 0,
      data: Buffer.from("x"),
    });
    const broken: Envelope = {
      ...heartbeat(20, 1),
      message: {
        kind: "appendEntries",
        prevLog: { index: 0, term: 0 },
        entries: [{ ...entry, crc32c: entry.crc32c + 1 }],
        leaderCommit: 0,
        attempt: 1,
      },
    };
    stream.frame({ envelopes: [good, fromEnvelope(broken)] });
    stream.frame({ envelopes: [fromEnvelope({ ...heartbeat(20, 1), term: 2 ** 33 })] });
    stream.frame({ envelopes: [fromEnvelope({ ...heartbeat(20, 1), term: 2 ** 60 })] });
    stream.frame({ envelopes: [fromEnvelope(heartbeat(21, 1))] });
    stream.frame({ envelopes: [fromEnvelope(heartbeat(20, 2))] });
    stream.write(Buffer.from("1aff", "hex"));
    stream.frame({ envelopes: [fromEnvelope(heartbeat(20, 1, 7))] });
    await until(() => node.received.length > 0, { what: "the good frame" });
    const [first] = node.received;
    assert.equal(first?.message.kind === "heartbeat" ? first.message.round : 0, 7);
    assert.deepEqual(node.faults.map(({ kind, source }) => `${kind} ${source}`), [
      "checksum node 20",
      "term node 20",
      "number node 20",
      "address node 20",
      "malformed node 20",
    ]);
    assert.equal(node.transport.faultCounts.get("address"), 2);
    stream.cancel();
  });

  it("survives a thousand frames of random bytes", async () => {
    const stream = await accepted(30);
    const prng = new Prng(11);
    for (let n = 0; n < 1_000; n++) {
      stream.write(Uint8Array.from({ length: prng.below(400) }, () => prng.below(256)));
    }
    stream.frame({ envelopes: [fromEnvelope(heartbeat(30, 1, 9))] });
    await until(() => node.received.length > 0, { what: "the good frame behind them" });
    stream.cancel();
  });

  it("ends the older stream when a peer opens another and speaks on it", async () => {
    const older = await accepted(40);
    older.frame({ envelopes: [fromEnvelope(heartbeat(40, 1))] });
    await until(() => node.received.length === 1, { what: "the first heartbeat" });
    const newer = await accepted(40);
    // A node that only asks who we are does not disturb its own stream.
    older.frame({ envelopes: [fromEnvelope(heartbeat(40, 1))] });
    await until(() => node.received.length === 2, { what: "the second heartbeat" });
    newer.frame({ envelopes: [fromEnvelope(heartbeat(40, 1))] });
    assert.equal((await older.status).code, grpcStatus.ok);
    newer.cancel();
  });

  it("keeps few streams that say nothing, and few of one node or of guests", async () => {
    const silent = rawStream(client);
    const silence = Array.from({ length: 64 }, () => rawStream(client));
    assert.equal((await silent.status).code, grpcStatus.resourceExhausted);
    // Whoever says Hello is heard all the same, and makes room.
    const mine = await accepted(70);
    const others: RawStream[] = [];
    for (let n = 0; n < 8; n++) others.push(await accepted(70));
    assert.equal((await mine.status).code, grpcStatus.ok);
    for (let id = 71; id < 71 + 64 - 8; id++) others.push(await accepted(id));
    const [first] = others;
    await accepted(200);
    assert.equal((await first!.status).code, grpcStatus.ok);
    for (const stream of [...silence, ...others]) stream.cancel();
  });

  it("does not end a member's streams for those of guests", async () => {
    node.transport.setPeers([{ id: 2, address: "127.0.0.1:1" }]);
    const member = await accepted(2);
    const guests: RawStream[] = [];
    for (let id = 100; id < 200; id++) guests.push(await accepted(id));
    member.frame({ envelopes: [fromEnvelope(heartbeat(2, 1))] });
    await until(() => node.received.length > 0, { what: "the member to be heard" });
    node.transport.setPeers([]);
    for (const stream of [member, ...guests]) stream.cancel();
  });

  it("takes no first frame that is larger than a Hello can be", async () => {
    const stream = rawStream(client);
    stream.write(new Uint8Array(1024 * 1024));
    assert.equal((await stream.status).code, grpcStatus.resourceExhausted);
  });

  it("answers a node that is not among its peers at the address of its Hello", async () => {
    const guest = await startGrpcNode({ id: 50 });
    guest.transport.setPeers([{ id: 1, address: node.address }]);
    await until(() => {
      guest.transport.send(heartbeat(50, 1));
      return node.received.some(({ from }) => from === 50);
    }, { what: "the guest to be heard" });
    await until(() => {
      node.transport.send(heartbeat(1, 50));
      return guest.received.length > 0;
    }, { what: "the answer" });
    await guest.close();
  });

  it("judges open streams again when the configuration changes", async () => {
    let removed = false;
    const judge = (): HelloAnswer | undefined =>
      removed ? refusalFor("it was removed", true) : undefined;
    const strict = await startGrpcNode({ id: 60, judge });
    const other = new TestGrpcClient(strict.address);
    const stream = rawStream(other);
    stream.frame(helloFrom(61, { to: 60 }));
    await until(() => stream.answers.length > 0, { what: "the answer to Hello" });
    removed = true;
    strict.transport.setPeers([]);
    assert.equal((await stream.status).code, grpcStatus.ok);
    other.close();
    await strict.close();
  });
});

describe("two starts of one node", () => {
  it("are told apart: the later one is judged beside what stands, and replaces it", async () => {
    const seen: string[] = [];
    let accepts = false;
    const judge = (theirs: Hello, standing: Hello | undefined): HelloAnswer | undefined => {
      seen.push(`${theirs.nonce} beside ${standing?.nonce}`);
      return accepts || standing === undefined ? undefined : refusalFor("it is being asked");
    };
    const node = await startGrpcNode({ id: 60, judge });
    const client = new TestGrpcClient(node.address);
    const greet = (nonce: number): RawStream => {
      const stream = rawStream(client);
      stream.frame(helloFrom(61, { to: 60, nonce }));
      return stream;
    };
    const earlier = greet(1);
    await until(() => earlier.answers.length > 0, { what: "the answer to the earlier one" });
    const refused = greet(2);
    assert.equal((await refused.status).code, grpcStatus.ok);
    const second = greet(1);
    await until(() => second.answers.length > 0, { what: "the answer to the same start" });
    earlier.frame({ envelopes: [fromEnvelope(heartbeat(61, 60))] });
    await until(() => node.received.length > 0, { what: "the earlier one to be heard still" });
    accepts = true;
    const later = greet(2);
    await Promise.all([earlier.status, second.status]);
    await until(() => later.answers.length > 0, { what: "the answer to the later one" });
    assert.deepEqual(seen, [
      ...["1 beside undefined", "2 beside 1", "1 beside undefined", "2 beside 1"],
    ]);
    client.close();
    await node.close();
  });
});

describe("a frozen peer", () => {
  for (const runtime of runtimeNames) {
    it(`on ${runtime} is found out by keepalive, and found again`, async () => {
      const child = startProgram(runtime, "test/e2e/programs/grpc_peer.ts", ["2"]);
      const node = await startGrpcNode({ id: 1, timing: defaultPeerTiming });
      try {
        node.transport.setPeers([{ id: 2, address: await child.line() }]);
        const echo = () => {
          const entry = makeEntry({
            index: 1,
            term: 1,
            kind: "command",
            timeMs: 0,
            data: new Uint8Array(8),
          });
          const prevLog = { index: 0, term: 0 };
          node.transport.send({
            ...heartbeat(1, 2),
            message: {
              kind: "appendEntries",
              prevLog,
              entries: [entry],
              leaderCommit: 0,
              attempt: 1,
            },
          });
          return node.received.length > 0;
        };
        await until(echo, { what: "the first echo", everyMs: 20 });
        node.unreachable.length = 0;
        child.signal("SIGSTOP");
        await until(() => node.unreachable.includes(2), { what: "the loss" });
        child.signal("SIGCONT");
        node.received.length = 0;
        await until(echo, { what: "an echo after it woke", everyMs: 20 });
      } finally {
        child.signal("SIGCONT");
        await node.close();
        await child.stop();
      }
    });
  }
});

describe("a peer that is not there", () => {
  it("is told of with its address and the reason, and again when it is back", async () => {
    const [port] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    const one = await startGrpcNode({ id: 1 });
    one.transport.setPeers([{ id: 2, address }]);
    await until(() => one.reaches.length > 0, { what: "the line of its absence" });
    const [report] = one.reaches;
    assert.equal(report?.kind === "unreachable" && report.address, address);
    assert.match(report?.kind === "unreachable" ? report.reason : "", /ECONNREFUSED/);
    const two = await startGrpcNode({ id: 2, rpcAddress: address });
    await until(() => one.reaches.length > 1, { what: "the line of its return" });
    assert.deepEqual(one.reaches.map(({ kind }) => kind), ["unreachable", "back"]);
    await one.close();
    await two.close();
  });
});

describe("a peer that is closed", () => {
  it("ends its streams itself, so that nothing waits for the cut", async () => {
    const one = await startGrpcNode({ id: 1 });
    const two = await startGrpcNode({ id: 2 });
    one.transport.setPeers([{ id: 2, address: two.address }]);
    two.transport.setPeers([{ id: 1, address: one.address }]);
    await until(() => {
      one.transport.send(heartbeat(1, 2));
      two.transport.send(heartbeat(2, 1));
      return one.received.length > 0 && two.received.length > 0;
    }, { what: "both to be heard" });
    // The listener would cut what is left after two minutes.
    const started = performance.now();
    await two.close(120_000);
    assert.ok(performance.now() - started < 60_000, `took ${performance.now() - started} ms`);
    await until(() => one.unreachable.includes(2), { what: "the loss" });
    await one.close();
  });

  it("is looked for again and again, at a pace that has a limit, until it is back", async () => {
    const one = await startGrpcNode({ id: 1 });
    let two = await startGrpcNode({ id: 2 });
    one.transport.setPeers([{ id: 2, address: two.address }]);
    const heard = () => {
      one.transport.send(heartbeat(1, 2));
      return two.received.length > 0;
    };
    await until(heard, { what: "the first heartbeat" });
    await two.close();
    // Pauses that doubled on and on would take minutes.
    await until(() => one.unreachable.length >= 12, { what: "twelve attempts in vain" });
    two = await startGrpcNode({ id: 2, rpcAddress: two.address });
    await until(heard, { what: "a heartbeat after its return" });
    await one.close();
    await two.close();
  });
});

describe("a full send queue", () => {
  it("drops, counts and says so", async () => {
    const peer = await startGrpcNode({ id: 2 });
    const node = await startGrpcNode({ id: 1, queueLimits: { countMax: 4, bytesMax: 1e6 } });
    node.transport.setPeers([{ id: 2, address: peer.address }]);
    // The stream is not open yet: nothing leaves the queue.
    for (let n = 0; n < 10; n++) node.transport.send(heartbeat(1, 2));
    assert.deepEqual(node.unreachable, [], "never inside send");
    await until(() => node.unreachable.includes(2), { what: "the loss" });
    assert.equal(node.transport.faultCounts.get("dropped"), 6);
    await until(() => peer.received.length === 4, { what: "the four that fitted" });
    await node.close();
    await peer.close();
  });
});
