/**
 * Wires between the nodes of a cluster: each node is reached by its peers at a listener that passes
 * bytes on to it, or swallows them, or cuts. What is swallowed is gone for good, as on a network
 * that loses one direction: neither end is told.
 *
 * The first request on a connection names the cluster. Where it also tells how its sender can be
 * reached, it is the Hello of a peer's stream; else a forward.
 */

import { connect, createServer, type Server, type Socket } from "node:net";

/** Which bytes: of what kind of connection, to whom, from whom, in which direction. */
export interface Loss {
  readonly kind: "raft" | "forward";
  /** The node that listens; any when absent. */
  readonly to?: number;
  /** The node that has opened the stream; any when absent. */
  readonly from?: number;
  /** `requests` go to the one who listens, `answers` come from it. */
  readonly way: "requests" | "answers";
}

interface Wire {
  readonly to: number;
  readonly near: Socket;
  readonly far: Socket;
  /** Undefined until it is clear; nothing is lost before. */
  kind: Loss["kind"] | undefined;
  from: number | undefined;
  /** What came before it was clear what this is. */
  head: Buffer;
  /** Where bytes are missing: nothing that followed them could be understood. */
  readonly broken: Set<Loss["way"]>;
}

/** Whatever a connection is for has been said in so many bytes. */
const headBytesMax = 4_096;

/** One listener a node; ids count from 1. */
export class PeerWires {
  readonly #clusterId: string;
  readonly #servers: Server[] = [];
  readonly #wires = new Set<Wire>();
  /** Of the listener for a node's peers, by id. */
  readonly addresses: ReadonlyMap<number, string>;
  #losses: readonly Loss[] = [];
  #refusing: ReadonlySet<number> = new Set();
  /** How often bytes were swallowed. */
  readonly swallowed = { requests: 0, answers: 0 };

  constructor(clusterId: string, ports: readonly number[]) {
    this.#clusterId = clusterId;
    this.addresses = new Map(ports.map((port, at) => [at + 1, `127.0.0.1:${port}`]));
  }

  /** `behind`: where each node listens. */
  async open(behind: readonly string[]): Promise<void> {
    for (const [id, address] of this.addresses) {
      const server = createServer((near) => this.#accept(near, id, behind[id - 1]!));
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(Number(address.split(":")[1]), "127.0.0.1", resolve);
      });
      this.#servers.push(server);
    }
  }

  /** From now on these bytes are lost, and no others. */
  lose(...losses: readonly Loss[]): void {
    this.#losses = losses;
  }

  /** From now on nobody reaches these nodes: what is open is cut, what is opened is hung up on. */
  refuse(...ids: readonly number[]): void {
    this.#refusing = new Set(ids);
    this.#cut((wire) => this.#refusing.has(wire.to));
  }

  /** Whoever waits for an answer to a forward learns that none will come. */
  cutForwards(to: number): void {
    this.#cut((wire) => wire.to === to && wire.kind === "forward");
  }

  /** Nothing is lost any more; connections that lack bytes are cut. */
  heal(): void {
    this.#losses = [];
    this.#refusing = new Set();
    this.#cut(({ broken }) => broken.size > 0);
  }

  async close(): Promise<void> {
    const closed = this.#servers.map((server) =>
      new Promise<void>((resolve) => server.close(() => resolve()))
    );
    this.#cut(() => true);
    await Promise.all(closed);
  }

  #cut(which: (wire: Wire) => boolean): void {
    for (const wire of [...this.#wires]) if (which(wire)) this.#end(wire);
  }

  #accept(near: Socket, to: number, behind: string): void {
    const [host = "", port = ""] = behind.split(":");
    near.on("error", () => {});
    if (this.#refusing.has(to)) return void near.destroy();
    const far = connect(Number(port), host);
    const wire: Wire = {
      ...{ to, near, far, kind: undefined, from: undefined },
      ...{ head: Buffer.alloc(0), broken: new Set<Loss["way"]>() },
    };
    this.#wires.add(wire);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => this.#end(wire));
    }
    near.on("data", (bytes: Buffer) => {
      this.#recognise(wire, bytes);
      this.#pass(wire, "requests", bytes);
    });
    far.on("data", (bytes: Buffer) => this.#pass(wire, "answers", bytes));
  }

  #end(wire: Wire): void {
    this.#wires.delete(wire);
    wire.near.destroy();
    wire.far.destroy();
  }

  #recognise(wire: Wire, bytes: Buffer): void {
    if (wire.kind !== undefined || wire.head.length >= headBytesMax) return;
    wire.head = Buffer.concat([wire.head, bytes.subarray(0, headBytesMax - wire.head.length)]);
    if (!wire.head.includes(this.#clusterId)) return;
    wire.kind = "forward";
    for (const [id, address] of this.addresses) {
      // The address of the one who listens stands in every request.
      if (id !== wire.to && wire.head.includes(address)) wire.from = id;
    }
    if (wire.from !== undefined) wire.kind = "raft";
  }

  #pass(wire: Wire, way: Loss["way"], bytes: Buffer): void {
    const isLost = this.#losses.some((loss) =>
      loss.kind === wire.kind && loss.way === way && (loss.to ?? wire.to) === wire.to &&
      (loss.from ?? wire.from) === wire.from
    );
    if (isLost || wire.broken.has(way)) {
      wire.broken.add(way);
      this.swallowed[way]++;
      return;
    }
    (way === "requests" ? wire.far : wire.near).write(bytes);
  }
}
