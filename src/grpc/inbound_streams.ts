/** The answering side of Connect and Snapshot: who is speaking, and what it says. */

import type { Hello, HelloAnswer } from "../node/ports.ts";
import type { Envelope } from "../raft/message.ts";
import type { NodeId, Term } from "../raft/types.ts";
import { grpcStatus } from "../service/errors.ts";
import {
  type CallContext,
  CallError,
  type OfferedMethod,
  offerStream,
  type StreamAnswers,
  type StreamEvents,
} from "./call.ts";
import { method, type Wire } from "./codec.ts";
import { toEnvelope } from "./convert.ts";
import { fromHelloAnswer, toHello } from "./convert_hello.ts";
import type { PeerMethod } from "./peer_stream.ts";
import { type FaultLog, WireRefusal } from "./refusal.ts";

type Frame = Wire["skein.raft.v1.Frame"];

/** What the answering side asks of the transport. */
export interface InboundOptions {
  /** Undefined while the node cannot judge yet. */
  readonly judge: (theirs: Hello, standing: Hello | undefined) => HelloAnswer | undefined;
  readonly currentTerm: () => Term;
  /** Among the nodes that we were given; all others are guests. */
  readonly isPeer: (id: NodeId) => boolean;
  readonly receive: (envelope: Envelope) => void;
  /** A peer's last stream is gone. */
  readonly onGone: (peer: NodeId) => void;
  readonly faults: FaultLog;
}

const helloTimeoutMs = 5_000;
/**
 * Streams of whoever has not said Hello yet, of one node, and of all guests together. Above it the
 * oldest has to go: what is new may be a peer that lost its streams, what is old may be dead.
 */
const ungreetedMax = 64;
const streamsPerNodeMax = 8;
const guestStreamsMax = 64;

/** A stream whose Hello was accepted. */
interface Inbound {
  readonly method: PeerMethod;
  readonly theirs: Hello;
  /** The id that the Hello was answered with: ours. */
  readonly ownId: NodeId;
  readonly answers: StreamAnswers<Frame>;
  /** It has carried envelopes: a node that only asks who we are says Hello and hangs up. */
  used: boolean;
}

/** The streams that peers have opened to this node. */
export class InboundStreams {
  readonly #options: InboundOptions;
  /** How each stream without a Hello is turned away, oldest first. */
  readonly #ungreeted = new Set<() => void>();
  /** Oldest first. */
  readonly #open = new Set<Inbound>();

  constructor(options: InboundOptions) {
    this.#options = options;
  }

  methods(): readonly OfferedMethod[] {
    const service = "skein.raft.v1.RaftService";
    return [
      offerStream(
        method(service, "Connect"),
        (answers, call) => this.#accept("Connect", answers, call),
        "peer",
      ),
      offerStream(
        method(service, "Snapshot"),
        (answers, call) => this.#accept("Snapshot", answers, call),
        "peer",
      ),
    ];
  }

  /** What a node that speaks to us said of itself. */
  helloOf(peer: NodeId): Hello | undefined {
    for (const inbound of this.#open) if (inbound.theirs.from === peer) return inbound.theirs;
    return undefined;
  }

  /** Judges every open stream anew: the configuration has changed. */
  judgeAgain(): void {
    for (const inbound of this.#open) {
      const answer = this.#options.judge(inbound.theirs, undefined);
      if (answer?.kind !== "refused") continue;
      this.#options.faults.note("hello", nameOf(inbound.theirs), answer.reason);
      this.#end(inbound);
    }
  }

  closeAll(): void {
    for (const inbound of this.#open) this.#end(inbound);
  }

  #end(inbound: Inbound): void {
    this.#open.delete(inbound);
    inbound.answers.end();
    if (this.helloOf(inbound.theirs.from) === undefined) this.#options.onGone(inbound.theirs.from);
  }

  #accept(
    peerMethod: PeerMethod,
    answers: StreamAnswers<Frame>,
    call: CallContext,
  ): StreamEvents<Frame> {
    const { faults } = this.#options;
    let inbound: Inbound | undefined;
    const timer = setTimeout(() => {
      faults.note("hello", call.peer, `no Hello within ${helloTimeoutMs} ms`);
      answers.fail(new CallError(grpcStatus.deadlineExceeded, "No Hello came"));
    }, helloTimeoutMs);
    const settled = this.#awaitHello(() => {
      faults.note("hello", call.peer, `more than ${ungreetedMax} streams have said no Hello`);
      answers.fail(new CallError(grpcStatus.resourceExhausted, "Too many streams without a Hello"));
    });
    return {
      message: (frame) => {
        if (inbound !== undefined) return this.#receive(inbound, frame);
        clearTimeout(timer);
        settled();
        inbound = this.#greet(peerMethod, frame, answers, call);
      },
      malformed: (error) => {
        faults.note(
          "malformed",
          inbound === undefined ? call.peer : nameOf(inbound.theirs),
          error.message,
        );
        if (inbound === undefined) answers.fail(invalid(error.message));
      },
      halfClosed: () => answers.end(),
      closed: () => {
        clearTimeout(timer);
        settled();
        if (inbound !== undefined && this.#open.has(inbound)) this.#end(inbound);
      },
    };
  }

  /** Calls `turnAway` when too many newer streams say nothing either, unless settled before. */
  #awaitHello(turnAway: () => void): () => void {
    this.#ungreeted.add(turnAway);
    const [oldest] = this.#ungreeted;
    if (this.#ungreeted.size > ungreetedMax && oldest !== undefined) {
      this.#ungreeted.delete(oldest);
      oldest();
    }
    return () => this.#ungreeted.delete(turnAway);
  }

  /** Undefined when the stream is not to go on. */
  #greet(
    peerMethod: PeerMethod,
    frame: Frame,
    answers: StreamAnswers<Frame>,
    call: CallContext,
  ): Inbound | undefined {
    const { faults } = this.#options;
    let theirs: Hello;
    try {
      if (frame.hello === null || frame.hello === undefined) {
        throw new WireRefusal("hello", "The first frame is no Hello");
      }
      theirs = toHello(frame.hello);
    } catch (error) {
      faults.noteError(call.peer, error);
      answers.fail(invalid(error instanceof Error ? error.message : "Not a Hello"));
      return undefined;
    }
    const earlier = this.#ofOtherStart(theirs);
    const answer = this.#options.judge(theirs, earlier[0]?.theirs);
    if (answer === undefined) {
      answers.fail(new CallError(grpcStatus.unavailable, "The node is starting"));
      return undefined;
    }
    answers.send({ helloAnswer: fromHelloAnswer(answer), envelopes: [] });
    if (answer.kind === "refused") {
      faults.note("hello", `${nameOf(theirs)} (${call.peer})`, `refused: ${answer.reason}`);
      answers.end();
      return undefined;
    }
    for (const inbound of earlier) this.#end(inbound);
    const ownId = answer.hello.from;
    const inbound: Inbound = { method: peerMethod, theirs, ownId, answers, used: false };
    this.#open.add(inbound);
    this.#makeRoom(inbound);
    return inbound;
  }

  #ofOtherStart({ from, nonce }: Hello): readonly Inbound[] {
    return [...this.#open].filter(({ theirs }) => theirs.from === from && theirs.nonce !== nonce);
  }

  #makeRoom({ theirs }: Inbound): void {
    const { isPeer, faults } = this.#options;
    const same = [...this.#open].filter((other) => other.theirs.from === theirs.from);
    const guests = [...this.#open].filter((other) => !isPeer(other.theirs.from));
    const [oldest] = same.length > streamsPerNodeMax
      ? same
      : guests.length > guestStreamsMax
      ? guests
      : [];
    if (oldest === undefined) return;
    faults.note("hello", nameOf(oldest.theirs), "too many streams, the oldest is ended");
    this.#end(oldest);
  }

  /** A peer that opens a stream again has lost the one before, whether we know it yet or not. */
  #replaceOlder(inbound: Inbound): void {
    inbound.used = true;
    for (const other of this.#open) {
      if (other === inbound || other.method !== inbound.method) continue;
      if (other.theirs.from === inbound.theirs.from) this.#end(other);
    }
  }

  /** A frame is taken as a whole or not at all. */
  #receive(inbound: Inbound, frame: Frame): void {
    const { faults, receive } = this.#options;
    if (!this.#open.has(inbound)) return;
    const { theirs, ownId } = inbound;
    const ownTerm = this.#options.currentTerm();
    let envelopes: readonly Envelope[];
    try {
      envelopes = frame.envelopes.map((wire) => toEnvelope(wire, ownTerm));
      for (const { from, to } of envelopes) {
        if (from === theirs.from && to === ownId) continue;
        throw new WireRefusal(
          "address",
          `an envelope from ${from} to ${to} on its stream to ${ownId}`,
        );
      }
    } catch (error) {
      return faults.noteError(nameOf(theirs), error);
    }
    if (!inbound.used) this.#replaceOlder(inbound);
    for (const envelope of envelopes) receive(envelope);
  }
}

function nameOf(hello: Hello): string {
  return `node ${hello.from}`;
}

function invalid(message: string): CallError {
  return new CallError(grpcStatus.invalidArgument, message);
}
