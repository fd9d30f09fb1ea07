/**
 * One stream to one peer, kept open: Hello first, then batches of envelopes. When it breaks it is
 * opened again after a pause; what was waiting then is lost and said to be so.
 */

import type { ChannelCredentials } from "@grpc/grpc-js";
import type { Hello, HelloAnswer, HelloRefusal } from "../node/ports.ts";
import type { Envelope } from "../raft/message.ts";
import { type Codec, method, type Wire } from "./codec.ts";
import { fromEnvelope } from "./convert.ts";
import { fromHello, toHelloAnswer } from "./convert_hello.ts";
import { frameBytesMax, PeerConnection, type PeerTiming } from "./peer_connection.ts";
import type { Reach } from "./reach.ts";
import { type FaultLog, WireRefusal } from "./refusal.ts";
import { SendQueue, type SendQueueLimits } from "./send_queue.ts";

export type PeerMethod = "Connect" | "Snapshot";

/** Whom a stream leads to, and whom it reports to. */
export interface PeerStreamOptions {
  /** `node 2`: how the peer is called in reports. */
  readonly name: string;
  readonly address: string;
  readonly method: PeerMethod;
  readonly credentials: ChannelCredentials;
  readonly timing: PeerTiming;
  readonly hello: () => Hello;
  /** Why whoever answered is not the peer that we want; undefined when it is. */
  readonly objection: (theirs: Hello) => string | undefined;
  /** The peer has turned us away. */
  readonly onRefused: (refusal: HelloRefusal) => void;
  /** Something that was sent may be lost. Never called inside `send`. */
  readonly onLoss: () => void;
  readonly reach: Reach;
  readonly faults: FaultLog;
  readonly queueLimits: SendQueueLimits;
  /** Uniform in 0 … 1: spreads reconnects. */
  readonly random: () => number;
}

/** Coalescing stops here, unless one envelope alone is larger. */
const frameTargetBytes = 1024 * 1024;
/** Frames given to the library and not yet taken from it by the socket. */
const framesWritingMax = 2;
const helloTimeoutMs = 2_000;
/** After a refusal: nothing that a quick retry could change. */
const refusedPauseMs = 2_000;
/** After a refusal for good, for as long as the node goes on all the same. */
const finalPauseMs = 60_000;

const frameCodec: Codec<Wire["skein.raft.v1.Frame"]> =
  method("skein.raft.v1.RaftService", "Connect").request;

type State =
  | { readonly kind: "opening"; readonly connection: PeerConnection; readonly timer: Timer }
  | { readonly kind: "open"; readonly connection: PeerConnection }
  | { readonly kind: "pausing"; readonly timer: Timer }
  | { readonly kind: "closed" };
type Timer = ReturnType<typeof setTimeout>;

/** Opens at once and stays until it is closed, through as many connections as that takes. */
export class PeerStream {
  readonly #options: PeerStreamOptions;
  readonly #queue: SendQueue;
  #state: State;
  #pauseMs: number;
  #writing = 0;
  #flushDue = false;
  #lossDue = false;

  constructor(options: PeerStreamOptions) {
    this.#options = options;
    this.#pauseMs = options.timing.reconnectBackoffMinMs;
    this.#queue = new SendQueue(options.queueLimits);
    this.#state = this.#open();
  }

  get address(): string {
    return this.#options.address;
  }

  get isOpen(): boolean {
    return this.#state.kind === "open";
  }

  /** Envelopes sent in one turn leave in one frame. */
  send(envelope: Envelope): void {
    const state = this.#state.kind;
    if (state === "closed") return;
    // While the peer is known to be away, what it would get later would be old news.
    if (state === "pausing" || !this.#queue.push(envelope)) {
      if (state !== "pausing") {
        this.#options.faults.note("dropped", this.#options.name, "the send queue is full");
      }
      return this.#loss();
    }
    if (this.#flushDue) return;
    this.#flushDue = true;
    queueMicrotask(() => {
      this.#flushDue = false;
      this.#flush();
    });
  }

  /** `done` once the stream has ended on both sides, or after a short wait. */
  close(done: () => void): void {
    const state = this.#state;
    this.#state = { kind: "closed" };
    this.#queue.clear();
    if (state.kind === "opening" || state.kind === "pausing") clearTimeout(state.timer);
    if (state.kind === "opening" || state.kind === "open") state.connection.close(done);
    else done();
  }

  #open(): State {
    this.#writing = 0;
    const connection = new PeerConnection({
      address: this.#options.address,
      path: method("skein.raft.v1.RaftService", this.#options.method).path,
      credentials: this.#options.credentials,
      timing: this.#options.timing,
    }, {
      frame: (bytes) => this.#receive(bytes),
      down: (reason) => this.#down(reason),
    });
    connection.write(
      frameCodec.encode({ hello: fromHello(this.#options.hello()), envelopes: [] }),
      nothing,
    );
    const timer = setTimeout(() => {
      this.#options.reach.failed(`it did not answer within ${helloTimeoutMs} ms`);
      this.#cut(refusedPauseMs);
    }, helloTimeoutMs);
    return { kind: "opening", connection, timer };
  }

  /** A stream that stood and broke is opened again first: only what comes of that is news. */
  #down(reason: string): void {
    if (this.#state.kind === "opening") this.#options.reach.failed(reason);
    this.#pause(this.#nextPauseMs());
  }

  #receive(bytes: Uint8Array): void {
    const { faults, name, reach } = this.#options;
    if (this.#state.kind !== "opening") {
      return faults.note("hello", name, "It spoke on a stream that is ours");
    }
    reach.answered();
    let answer: HelloAnswer;
    try {
      const frame = frameCodec.decode(bytes);
      if (frame.helloAnswer === null || frame.helloAnswer === undefined) {
        throw new WireRefusal("hello", "It did not answer our Hello with one");
      }
      answer = toHelloAnswer(frame.helloAnswer);
    } catch (error) {
      faults.noteError(name, error);
      return this.#cut(refusedPauseMs);
    }
    if (answer.kind === "refused") {
      this.#give(`It refused us: ${answer.reason}`, answer.final ? finalPauseMs : refusedPauseMs);
      return this.#options.onRefused(answer);
    }
    const objection = this.#options.objection(answer.hello);
    if (objection !== undefined) return this.#give(objection);
    const { connection, timer } = this.#state;
    clearTimeout(timer);
    this.#pauseMs = this.#options.timing.reconnectBackoffMinMs;
    this.#state = { kind: "open", connection };
    this.#flush();
  }

  /** Gives this attempt up for a reason that people should know. */
  #give(reason: string, pauseMs = refusedPauseMs): void {
    this.#options.faults.note("hello", `${this.#options.name} (${this.address})`, reason);
    this.#cut(pauseMs);
  }

  #cut(pauseMs: number): void {
    const state = this.#state;
    if (state.kind === "opening" || state.kind === "open") state.connection.cut();
    this.#pause(pauseMs);
  }

  #pause(pauseMs: number): void {
    const state = this.#state;
    if (state.kind === "closed" || state.kind === "pausing") return;
    if (state.kind === "opening") clearTimeout(state.timer);
    this.#queue.clear();
    const timer = setTimeout(() => {
      this.#state = this.#open();
    }, pauseMs);
    this.#state = { kind: "pausing", timer };
    this.#loss();
  }

  /** Doubles up to the most; half of it by chance, so that nodes do not knock in step. */
  #nextPauseMs(): number {
    const full = this.#pauseMs;
    this.#pauseMs = Math.min(this.#options.timing.reconnectBackoffMaxMs, full * 2);
    return Math.round(full / 2 + (full / 2) * this.#options.random());
  }

  #flush(): void {
    const state = this.#state;
    if (state.kind !== "open") return;
    while (this.#writing < framesWritingMax) {
      const envelopes = this.#queue.take(frameTargetBytes);
      if (envelopes.length === 0) return;
      const frame = frameCodec.encode({ envelopes: envelopes.map(fromEnvelope) });
      if (frame.length > frameBytesMax) {
        const detail = `a frame of ${frame.length} bytes, allowed are ${frameBytesMax}`;
        this.#options.faults.note("dropped", this.#options.name, detail);
        this.#loss();
        continue;
      }
      this.#writing += 1;
      state.connection.write(frame, () => this.#written(state));
    }
  }

  #written(state: State): void {
    if (this.#state !== state) return;
    this.#writing -= 1;
    this.#flush();
  }

  #loss(): void {
    if (this.#lossDue) return;
    this.#lossDue = true;
    queueMicrotask(() => {
      this.#lossDue = false;
      if (this.#state.kind !== "closed") this.#options.onLoss();
    });
  }
}

function nothing(): void {}
