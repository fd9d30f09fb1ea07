/** The least that is a Transport: queues between nodes of one process. */

import type {
  Hello,
  HelloAnswer,
  HelloRefusal,
  PeerAddress,
  Transport,
} from "../../src/node/ports.ts";
import type { Envelope } from "../../src/raft/message.ts";

/** Who listens where. */
export class MemoryNetwork {
  readonly #nodes = new Map<string, MemoryTransport>();
  #next = 1;

  /** A transport that listens at an address of its own. */
  open(): MemoryTransport {
    const address = `memory:${this.#next++}`;
    const transport = new MemoryTransport(this, address);
    this.#nodes.set(address, transport);
    return transport;
  }

  at(address: string): MemoryTransport | undefined {
    return this.#nodes.get(address);
  }

  leave(address: string): void {
    this.#nodes.delete(address);
  }
}

export class MemoryTransport implements Transport {
  readonly address: string;
  readonly #network: MemoryNetwork;
  #peers = new Map<number, string>();
  #closed = false;
  #receive: (envelope: Envelope) => void = () => {};
  #unreachable: (peer: number) => void = () => {};
  #refused: (peer: number, refusal: HelloRefusal) => void = () => {};
  #judge: (theirs: Hello, standing: Hello | undefined) => HelloAnswer = () => {
    throw new Error("onHello comes first");
  };
  #makeHello: (to: number) => Hello = () => {
    throw new Error("setHello comes first");
  };

  constructor(network: MemoryNetwork, address: string) {
    this.#network = network;
    this.address = address;
  }

  setPeers(peers: readonly PeerAddress[]): void {
    this.#peers = new Map(peers.map(({ id, address }) => [id, address]));
  }

  send(envelope: Envelope): void {
    const address = this.#peers.get(envelope.to);
    if (this.#closed || address === undefined) return;
    setImmediate(() => this.#carry(envelope, address));
  }

  #carry(envelope: Envelope, address: string): void {
    const target = this.#network.at(address);
    if (this.#closed) return;
    if (target === undefined) return this.#unreachable(envelope.to);
    const answer = target.#judge(this.#makeHello(envelope.to), undefined);
    if (answer.kind === "refused") {
      this.#refused(envelope.to, answer);
      return this.#unreachable(envelope.to);
    }
    const wrongNode = answer.hello.from !== envelope.to;
    if (wrongNode || this.#judge(answer.hello, undefined).kind === "refused") {
      return this.#unreachable(envelope.to);
    }
    target.#receive(envelope);
  }

  hello(address: string, mine: Hello, done: (answer: HelloAnswer | undefined) => void): void {
    setImmediate(() => {
      const target = this.#network.at(address);
      done(target === undefined ? undefined : target.#judge(mine, undefined));
    });
  }

  onReceive(handler: (envelope: Envelope) => void): void {
    this.#receive = handler;
  }

  onUnreachable(handler: (peer: number) => void): void {
    this.#unreachable = handler;
  }

  onRefused(handler: (peer: number, refusal: HelloRefusal) => void): void {
    this.#refused = handler;
  }

  onHello(handler: (theirs: Hello, standing: Hello | undefined) => HelloAnswer): void {
    this.#judge = handler;
  }

  setHello(make: (to: number) => Hello): void {
    this.#makeHello = make;
  }

  close(done: () => void): void {
    this.#closed = true;
    this.#network.leave(this.address);
    done();
  }
}
