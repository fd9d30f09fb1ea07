/**
 * The node's transport over gRPC (proto/skein/raft/v1/raft.proto): a stream to each peer on which
 * only we speak, a stream from each peer on which only it speaks.
 */

import type { ChannelCredentials } from "@grpc/grpc-js";
import type { Hello, HelloAnswer, HelloRefusal, PeerAddress, Transport } from "../node/ports.ts";
import type { Envelope } from "../raft/message.ts";
import type { NodeId, Term } from "../raft/types.ts";
import type { OfferedMethod } from "./call.ts";
import { askHello } from "./ask_hello.ts";
import { InboundStreams } from "./inbound_streams.ts";
import { defaultPeerTiming, type PeerTiming } from "./peer_connection.ts";
import { type PeerMethod, PeerStream } from "./peer_stream.ts";
import { Reach, type ReachReport } from "./reach.ts";
import { type FaultKind, FaultLog, type FaultReport } from "./refusal.ts";
import type { SendQueueLimits } from "./send_queue.ts";

/** What the transport needs of its surroundings. */
export interface RaftTransportOptions {
  readonly credentials: ChannelCredentials;
  /** The node's own term, against which those of peers are checked. */
  readonly currentTerm: () => Term;
  /** Gets what was refused or dropped, named and at a bounded rate. */
  readonly onFault: (report: FaultReport) => void;
  /** Told when a peer cannot be reached, and when it is back. */
  readonly onReach: (report: ReachReport) => void;
  readonly monotonicMs: () => number;
  /** Uniform in 0 … 1. */
  readonly random: () => number;
  readonly queueLimits?: SendQueueLimits;
  readonly timing?: PeerTiming;
}

const defaultQueueLimits: SendQueueLimits = { countMax: 4_096, bytesMax: 64 * 1024 * 1024 };
/** A stream for chunks that carried none for so long is closed. */
const snapshotIdleMs = 30_000;

interface Link {
  readonly address: string;
  /** Not among the peers that we were given: known only because it speaks to us. */
  readonly guest: boolean;
  readonly reach: Reach;
  readonly connect: PeerStream;
  snapshot: { readonly stream: PeerStream; idle: ReturnType<typeof setTimeout> } | undefined;
}

/** See node/ports.ts for what each method promises. */
export class GrpcRaftTransport implements Transport {
  readonly #options: RaftTransportOptions;
  readonly #faults: FaultLog;
  readonly #inbound: InboundStreams;
  readonly #links = new Map<NodeId, Link>();
  #closed = false;
  #makeHello: ((to: NodeId) => Hello) | undefined;
  #judge: ((theirs: Hello, standing: Hello | undefined) => HelloAnswer) | undefined;
  #receive: (envelope: Envelope) => void = () => {};
  #unreachable: (peer: NodeId) => void = () => {};
  #refused: (peer: NodeId, refusal: HelloRefusal) => void = () => {};

  constructor(options: RaftTransportOptions) {
    this.#options = options;
    this.#faults = new FaultLog(options.onFault, options.monotonicMs);
    this.#inbound = new InboundStreams({
      judge: (theirs, standing) => this.#closed ? undefined : this.#judge?.(theirs, standing),
      currentTerm: options.currentTerm,
      isPeer: (id) => this.#links.get(id)?.guest === false,
      receive: (envelope) => this.#receive(envelope),
      onGone: (peer) => this.#dismissGuest(peer),
      faults: this.#faults,
    });
  }

  /** What the server has to offer to peers. */
  methods(): readonly OfferedMethod[] {
    return this.#inbound.methods();
  }

  get faultCounts(): ReadonlyMap<FaultKind, number> {
    return this.#faults.counts;
  }

  setPeers(peers: readonly PeerAddress[]): void {
    if (this.#closed) return;
    const wanted = new Map(peers.map((peer) => [peer.id, peer.address]));
    for (const [id, link] of this.#links) {
      if (link.guest || wanted.get(id) === link.address) continue;
      this.#unlink(id, link);
    }
    for (const [id, address] of wanted) {
      const known = this.#links.get(id);
      if (known !== undefined && known.address === address && !known.guest) continue;
      if (known !== undefined) this.#unlink(id, known);
      this.#links.set(id, this.#link(id, address, false));
    }
    this.#inbound.judgeAgain();
  }

  send(envelope: Envelope): void {
    if (this.#closed) return;
    const link = this.#links.get(envelope.to) ?? this.#linkGuest(envelope.to);
    if (link === undefined) return;
    if (envelope.message.kind === "installSnapshot") {
      this.#snapshotStream(envelope.to, link).send(envelope);
    } else link.connect.send(envelope);
  }

  onReceive(handler: (envelope: Envelope) => void): void {
    this.#receive = handler;
  }

  onUnreachable(handler: (peer: NodeId) => void): void {
    this.#unreachable = handler;
  }

  onHello(handler: (theirs: Hello, standing: Hello | undefined) => HelloAnswer): void {
    this.#judge = handler;
  }

  onRefused(handler: (peer: NodeId, refusal: HelloRefusal) => void): void {
    this.#refused = handler;
  }

  setHello(make: (to: NodeId) => Hello): void {
    this.#makeHello = make;
  }

  hello(address: string, mine: Hello, done: (answer: HelloAnswer | undefined) => void): void {
    if (this.#closed) return done(undefined);
    const { credentials, timing = defaultPeerTiming } = this.#options;
    askHello({ address, mine, credentials, timing, faults: this.#faults }, done);
  }

  /** Ends the own streams, then those of the peers. The listener is closed by whoever opened it. */
  close(done: () => void): void {
    if (this.#closed) return done();
    this.#closed = true;
    const streams: PeerStream[] = [];
    for (const link of this.#links.values()) {
      streams.push(link.connect);
      if (link.snapshot === undefined) continue;
      clearTimeout(link.snapshot.idle);
      streams.push(link.snapshot.stream);
    }
    this.#links.clear();
    let left = streams.length + 1;
    const one = (): void => {
      left -= 1;
      if (left === 0) done();
    };
    for (const stream of streams) stream.close(one);
    this.#inbound.closeAll();
    one();
  }

  #link(id: NodeId, address: string, guest: boolean): Link {
    const { onReach, monotonicMs } = this.#options;
    const reach = new Reach({ name: `node ${id}`, address }, onReach, monotonicMs);
    const connect = this.#stream(id, { address, reach }, "Connect");
    return { address, guest, reach, connect, snapshot: undefined };
  }

  #unlink(id: NodeId, link: Link): void {
    this.#links.delete(id);
    link.connect.close(() => {});
    if (link.snapshot === undefined) return;
    clearTimeout(link.snapshot.idle);
    link.snapshot.stream.close(() => {});
  }

  /**
   * A node that is not (or no longer) in our configuration is answered where its Hello says: it may
   * be an addition that we have not heard of, or must be told that it was removed.
   */
  #linkGuest(id: NodeId): Link | undefined {
    const address = this.#inbound.helloOf(id)?.addresses.rpc;
    if (address === undefined || address === "") return undefined;
    const link = this.#link(id, address, true);
    this.#links.set(id, link);
    return link;
  }

  #dismissGuest(id: NodeId): void {
    const link = this.#links.get(id);
    if (link?.guest === true) this.#unlink(id, link);
  }

  #snapshotStream(id: NodeId, link: Link): PeerStream {
    if (link.snapshot === undefined) {
      const stream = this.#stream(id, link, "Snapshot");
      link.snapshot = { stream, idle: this.#idleTimer(link) };
    } else {
      clearTimeout(link.snapshot.idle);
      link.snapshot.idle = this.#idleTimer(link);
    }
    return link.snapshot.stream;
  }

  #idleTimer(link: Link): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      link.snapshot?.stream.close(() => {});
      link.snapshot = undefined;
    }, snapshotIdleMs);
  }

  #stream(
    id: NodeId,
    { address, reach }: Pick<Link, "address" | "reach">,
    method: PeerMethod,
  ): PeerStream {
    const make = this.#makeHello;
    if (make === undefined) throw new Error("setHello comes before the first setPeers");
    return new PeerStream({
      name: `node ${id}`,
      ...{ address, reach, method },
      credentials: this.#options.credentials,
      timing: this.#options.timing ?? defaultPeerTiming,
      hello: () => make(id),
      objection: (theirs) => this.#objection(id, theirs),
      onRefused: (refusal) => {
        if (!this.#closed) this.#refused(id, refusal);
      },
      onLoss: () => {
        if (!this.#closed) this.#unreachable(id);
      },
      faults: this.#faults,
      queueLimits: this.#options.queueLimits ?? defaultQueueLimits,
      random: this.#options.random,
    });
  }

  #objection(wanted: NodeId, theirs: Hello): string | undefined {
    if (theirs.from !== wanted) return `It is node ${theirs.from}, wanted is node ${wanted}`;
    const answer = this.#judge?.(theirs, undefined);
    return answer?.kind === "refused" ? `We refuse it: ${answer.reason}` : undefined;
  }
}
