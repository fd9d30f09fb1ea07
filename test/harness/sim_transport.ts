/** One node's end of the simulated network. */

import type {
  Hello,
  HelloAnswer,
  HelloRefusal,
  PeerAddress,
  Transport,
} from "../../src/node/ports.ts";
import type { PositionedHash } from "../../src/kv/past_hashes.ts";
import type { Envelope } from "../../src/raft/message.ts";
import type { NodeId } from "../../src/raft/types.ts";
import type { LinkEnd } from "./sim_link.ts";
import type { SimProcess } from "./sim_process.ts";
import type { SimScheduler } from "./sim_scheduler.ts";

/** What a transport needs of the network that it is part of. */
export interface TransportNetwork {
  readonly scheduler: SimScheduler;
  onSend(envelope: Envelope, from: string): void;
  link(
    from: string,
    to: string,
  ): { send(envelope: Envelope): void; want(peer: NodeId | undefined): void };
  reset(from: string, to: string): void;
  leave(address: string): void;
  ask(
    way: { readonly from: string; readonly to: string },
    mine: Hello,
    done: (answer: HelloAnswer | undefined) => void,
  ): void;
}

export class SimTransport implements Transport, LinkEnd {
  readonly address: string;
  readonly process: SimProcess;
  readonly #network: TransportNetwork;
  #peers = new Map<NodeId, string>();
  /** Where those who said Hello can be reached, members or not. */
  readonly #guests = new Map<NodeId, string>();
  /** In which order addresses said Hello, and from which of them each node speaks. */
  readonly #greeted = new Map<string, number>();
  readonly #speaking = new Map<NodeId, string>();
  /** What was said on the streams to this node that are open. */
  #inbound: readonly Hello[] = [];
  #closed = false;
  #receive: (envelope: Envelope) => void = () => {};
  #unreachable: (peer: NodeId) => void = () => {};
  #refused: (peer: NodeId, refusal: HelloRefusal) => void = () => {};
  #judge: ((theirs: Hello, standing: Hello | undefined) => HelloAnswer) | undefined;
  #hashes: (clusterId: string) => readonly PositionedHash[] = () => [];
  #makeHello: ((to: NodeId) => Hello) | undefined;

  constructor(parts: {
    readonly network: TransportNetwork;
    readonly address: string;
    readonly process: SimProcess;
  }) {
    this.#network = parts.network;
    this.address = parts.address;
    this.process = parts.process;
  }

  get isOpen(): boolean {
    return !this.#closed && this.process.isAlive;
  }

  setPeers(peers: readonly PeerAddress[]): void {
    const before = this.#peers;
    this.#peers = new Map(peers.map(({ id, address }) => [id, address]));
    if (!this.isOpen) return;
    for (const [id, address] of before) {
      if (this.#peers.get(id) !== address) {
        this.#network.link(this.address, address).want(undefined);
      }
    }
    for (const [id, address] of this.#peers) this.#network.link(this.address, address).want(id);
    for (const hello of this.#inbound) {
      if (this.#judge?.(hello, undefined).kind !== "refused") continue;
      this.#network.reset(hello.addresses.rpc, this.address);
    }
  }

  send(envelope: Envelope): void {
    const to = this.#peers.get(envelope.to) ?? this.#guests.get(envelope.to);
    if (to === undefined || !this.isOpen) return;
    this.#network.onSend(envelope, this.address);
    this.#network.link(this.address, to).send(envelope);
  }

  onReceive(handler: (envelope: Envelope) => void): void {
    this.#receive = handler;
  }

  onUnreachable(handler: (peer: NodeId) => void): void {
    this.#unreachable = handler;
  }

  onRefused(handler: (peer: NodeId, refusal: HelloRefusal) => void): void {
    this.#refused = handler;
  }

  onHello(handler: (theirs: Hello, standing: Hello | undefined) => HelloAnswer): void {
    this.#judge = handler;
  }

  setHello(make: (to: NodeId) => Hello): void {
    this.#makeHello = make;
  }

  hello(address: string, mine: Hello, done: (answer: HelloAnswer | undefined) => void): void {
    this.#network.ask(
      { from: this.address, to: address },
      mine,
      (answer) =>
        this.process.run(() => {
          if (!this.#closed) done(answer);
        }),
    );
  }

  close(done: () => void): void {
    this.#closed = true;
    this.#network.leave(this.address);
    this.#network.scheduler.after(0, () => this.process.run(done));
  }

  helloFor(to: NodeId): Hello | undefined {
    return this.#makeHello?.(to);
  }

  /** Whoever asks for the hashes of this node's state is told these. */
  onHashesAsked(handler: (clusterId: string) => readonly PositionedHash[]): void {
    this.#hashes = handler;
  }

  /** Like {@link judge}. */
  tellHashes(clusterId: string, answer: (hashes: readonly PositionedHash[]) => void): void {
    this.process.run(() => {
      if (!this.#closed) answer(this.#hashes(clusterId));
    });
  }

  /** Judges who opens a stream or asks; the answer comes when the process runs, if it ever does. */
  judge(theirs: Hello, answer: (answer: HelloAnswer) => void): void {
    this.process.run(() => {
      if (this.#judge === undefined || this.#closed) return;
      const standing = this.#inbound.find(({ from, nonce }) =>
        from === theirs.from && nonce !== theirs.nonce
      );
      const judged = this.#judge(theirs, standing);
      if (judged.kind === "accepted") {
        const { rpc } = theirs.addresses;
        this.#guests.set(theirs.from, rpc);
        this.#greeted.set(rpc, Math.max(0, ...this.#greeted.values()) + 1);
      }
      answer(judged);
    });
  }

  /** Who was asked must also be whom this node wanted, by its own judgement. */
  accepts(peer: NodeId, answer: HelloAnswer): boolean {
    if (answer.kind === "refused") {
      this.#refused(peer, answer);
      return false;
    }
    return answer.hello.from === peer &&
      this.#judge?.(answer.hello, undefined).kind === "accepted";
  }

  streamOpened(hello: Hello): void {
    this.#inbound = [...this.#inbound, hello];
  }

  streamClosed(hello: Hello): void {
    this.#inbound = this.#inbound.filter((open) => open !== hello);
  }

  /** A node that speaks on a new stream has lost the one before, whoever still holds that. */
  deliver(envelope: Envelope, from: string): void {
    this.process.run(() => {
      if (this.#closed) return;
      const before = this.#speaking.get(envelope.from) ?? from;
      const isNewer = (this.#greeted.get(from) ?? 0) >= (this.#greeted.get(before) ?? 0);
      if (before !== from) this.#network.reset(isNewer ? before : from, this.address);
      if (!isNewer) return;
      this.#speaking.set(envelope.from, from);
      this.#receive(envelope);
    });
  }

  tellUnreachable(peer: NodeId): void {
    this.process.run(() => {
      if (!this.#closed) this.#unreachable(peer);
    });
  }
}
