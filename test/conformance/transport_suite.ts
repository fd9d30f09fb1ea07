/** What every Transport promises to the node; transport_test.ts runs it over each of them. */

import type { Hello, HelloAnswer, PeerAddress, Transport } from "../../src/node/ports.ts";
import { makeEntry } from "../../src/raft/encoding.ts";
import type { Envelope, Message } from "../../src/raft/message.ts";
import { refusalFor } from "../harness/grpc_node.ts";
import { sampleMessages } from "../harness/messages.ts";
import { plain } from "../harness/plain.ts";
import { heartbeat as beat } from "../harness/raft_messages.ts";
import { assert, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

export interface TestPeer {
  readonly address: string;
  readonly transport: Transport;
  readonly hello: Hello;
  readonly received: Envelope[];
  readonly unreachable: number[];
  readonly refusals: string[];
  close(): Promise<void>;
}

export interface TestPeerOptions {
  readonly id: number;
  readonly clusterId?: string;
  /** Undefined: as a node of that cluster would. */
  readonly judge?: (theirs: Hello) => HelloAnswer | undefined;
}

export type StartPeer = (options: TestPeerOptions) => Promise<TestPeer>;

function envelope(from: number, to: number, message: Message): Envelope {
  return { from, to, fromEpoch: 0, toEpoch: 0, term: 1, message };
}

function heartbeat(from: number, to: number, round: number): Envelope {
  return envelope(from, to, beat(round, 0));
}

function append(from: number, to: number, index: number, bytes: number): Envelope {
  const data = new Uint8Array(bytes).fill(index);
  const entry = makeEntry({ index, term: 1, kind: "command", timeMs: 0, data });
  const prevLog = { index: index - 1, term: index === 1 ? 0 : 1 };
  return envelope(from, to, {
    kind: "appendEntries",
    prevLog,
    entries: [entry],
    leaderCommit: 0,
    attempt: 1,
  });
}

function connect(...peers: readonly (TestPeer & { readonly id: number })[]): void {
  for (const each of peers) each.transport.setPeers(addresses(peers.filter((p) => p !== each)));
}

function addresses(peers: readonly (TestPeer & { readonly id: number })[]): readonly PeerAddress[] {
  return peers.map(({ id, address }) => ({ id, address }));
}

/** Sends `make(1)`, `make(2)` … until one has arrived: the first ones may be lost on the way up. */
async function sendUntilArrived(
  from: TestPeer,
  to: TestPeer,
  make: (attempt: number) => Envelope,
): Promise<void> {
  const before = to.received.length;
  let attempt = 0;
  await until(() => {
    if (to.received.length > before) return true;
    from.transport.send(make(++attempt));
    return false;
  }, { what: "an envelope to arrive", everyMs: 20 });
}

async function withPeers(
  start: StartPeer,
  options: readonly TestPeerOptions[],
  run: (...peers: (TestPeer & { readonly id: number })[]) => Promise<void>,
): Promise<void> {
  const peers: (TestPeer & { readonly id: number })[] = [];
  try {
    for (const each of options) peers.push({ ...(await start(each)), id: each.id });
    await run(...peers);
  } finally {
    await Promise.all(peers.map((peer) => peer.close()));
  }
}

const pair = [{ id: 1 }, { id: 2 }];

/** `start` makes a peer that listens; the suite closes every one that it started. */
export function transportSuite(name: string, start: StartPeer): void {
  describe(`transport conformance: ${name}`, () => {
    deliveryCases(start);
    identityCases(start);
    lossCases(start);
  });
}

function deliveryCases(start: StartPeer): void {
  it("delivers every kind of message as it was sent", () =>
    withPeers(start, pair, async (one, two) => {
      connect(one!, two!);
      await sendUntilArrived(one!, two!, (n) => heartbeat(1, 2, n));
      two!.received.length = 0;
      for (const message of sampleMessages) {
        const sent = envelope(1, 2, message);
        one!.transport.send(sent);
        const found = await until(
          () => two!.received.find((each) => each.message.kind === message.kind),
          { what: `a ${message.kind} to arrive` },
        );
        assert.deepEqual(plain(found), plain(sent));
        two!.received.length = 0;
      }
    }));

  it("keeps entries in order, and loses none while the stream holds", () =>
    withPeers(start, pair, async (one, two) => {
      connect(one!, two!);
      await sendUntilArrived(one!, two!, (n) => heartbeat(1, 2, n));
      two!.received.length = 0;
      for (let index = 1; index <= 500; index++) one!.transport.send(append(1, 2, index, 100));
      await until(() => two!.received.length >= 500, { what: "500 envelopes" });
      const indexes = two!.received.map(({ message }) =>
        message.kind === "appendEntries" ? message.entries[0]?.index : undefined
      );
      assert.deepEqual(indexes, Array.from({ length: 500 }, (_, i) => i + 1));
    }));

  it("delivers to the node that is addressed, and to no other", () =>
    withPeers(start, [...pair, { id: 3 }], async (one, two, three) => {
      connect(one!, two!, three!);
      await sendUntilArrived(one!, two!, (n) => heartbeat(1, 2, n));
      await sendUntilArrived(one!, three!, (n) => heartbeat(1, 3, n));
      await sendUntilArrived(two!, three!, (n) => heartbeat(2, 3, n));
      assert.ok(two!.received.every(({ from, to }) => from === 1 && to === 2));
      assert.ok(three!.received.every(({ to }) => to === 3));
      assert.equal(one!.received.length, 0);
    }));
}

function identityCases(start: StartPeer): void {
  it("says who listens at an address, and nothing when nobody does", () =>
    withPeers(start, pair, async (one, two) => {
      const mine = { ...one!.hello, to: 0 };
      const answer = await answerOf(one!.transport, two!.address, mine);
      assert.equal(answer.kind, "accepted");
      assert.equal(answer.kind === "accepted" ? answer.hello.from : 0, 2);
      await two!.close();
      assert.equal(await ask(one!.transport, two!.address, mine), undefined);
    }));

  it("tells a node why it was refused, and carries nothing from it", () =>
    withPeers(start, [{ id: 1, clusterId: "other" }, { id: 2 }], async (one, two) => {
      const answer = await answerOf(one!.transport, two!.address, one!.hello);
      assert.equal(answer.kind, "refused");
      assert.match(answer.kind === "refused" ? answer.reason : "", /other/);
      connect(one!, two!);
      await until(() => {
        one!.transport.send(heartbeat(1, 2, 1));
        return one!.refusals.length > 0;
      }, { what: "the refusal" });
      assert.match(one!.refusals[0]!, /other/);
      assert.equal(two!.received.length, 0);
      assert.ok(one!.unreachable.includes(2));
    }));

  it("speaks only to whom it has accepted itself", () => {
    const judge = (theirs: Hello): HelloAnswer | undefined =>
      theirs.from === 2 ? refusalFor("a twin") : undefined;
    return withPeers(start, [{ id: 1, judge }, { id: 2 }], async (one, two) => {
      connect(one!, two!);
      await until(() => {
        one!.transport.send(heartbeat(1, 2, 1));
        return one!.unreachable.length > 2;
      }, { what: "the peer to be called unreachable", everyMs: 20 });
      assert.equal(two!.received.length, 0);
    });
  });

  it("does not carry to a node that is not the one meant, even if that one would listen", () => {
    const judge = (theirs: Hello): HelloAnswer => ({
      kind: "accepted",
      hello: { ...theirs, from: 3, to: theirs.from },
    });
    return withPeers(start, [...pair, { id: 3, judge }], async (one, two, three) => {
      one!.transport.setPeers([{ id: 2, address: three!.address }]);
      await until(() => {
        one!.transport.send(heartbeat(1, 2, 1));
        return one!.unreachable.includes(2);
      }, { what: "the peer to be called unreachable", everyMs: 20 });
      assert.equal(two!.received.length + three!.received.length, 0);
    });
  });
}

function lossCases(start: StartPeer): void {
  it("reports a peer that goes away, and finds it at a new address", () =>
    withPeers(start, pair, async (one, two) => {
      connect(one!, two!);
      await sendUntilArrived(one!, two!, (n) => heartbeat(1, 2, n));
      one!.unreachable.length = 0;
      await two!.close();
      await until(() => {
        one!.transport.send(heartbeat(1, 2, 1));
        return one!.unreachable.includes(2);
      }, { what: "the peer to be called unreachable", everyMs: 20 });
      const again = await start({ id: 2 });
      try {
        one!.transport.setPeers([{ id: 2, address: again.address }]);
        await sendUntilArrived(one!, again, (n) => heartbeat(1, 2, n));
      } finally {
        await again.close();
      }
    }));

  it("takes what it cannot deliver, and never throws", () =>
    withPeers(start, pair, async (one) => {
      one!.transport.send(heartbeat(1, 9, 1));
      await one!.close();
      one!.transport.send(heartbeat(1, 2, 1));
      one!.transport.setPeers([]);
      await one!.close();
    }));
}

/** Asks until there is an answer: on a busy machine one may come too late to count. */
function answerOf(
  transport: Transport,
  address: string,
  mine: Hello,
): Promise<HelloAnswer> {
  return until(() => ask(transport, address, mine), { what: `an answer of ${address}` });
}

function ask(
  transport: Transport,
  address: string,
  mine: Hello,
): Promise<HelloAnswer | undefined> {
  return new Promise((resolve) => transport.hello(address, mine, resolve));
}
