/**
 * What every call passes before its handler: how many may be in the node, what they may hold of its
 * memory, and how long a request may take to arrive. Who is not let in is told so at once.
 *
 * grpc-js keeps a message in memory from its first byte on, for every call, and says nothing of it
 * before it is whole. So the bytes are counted while they arrive. They are given back when the
 * handler is done, also where the client has gone meanwhile, and the answer has left: a client that
 * does not take its answers still pays for what it asked. Large answers are counted as well, and
 * who does not take one in time is cut off.
 */

import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServerListener,
} from "@grpc/grpc-js";
import { assertDefined, unreachable } from "../lib/assert.ts";
import { ByteBudget, ByteShare } from "../lib/byte_budget.ts";
import { AnswerFlow } from "./answer_flow.ts";
import { grpcStatus, ServiceError } from "../service/errors.ts";
import { CallError, type OfferedMethod } from "./call.ts";
import { type Incoming, incomingOf } from "./incoming.ts";
import { inflate } from "./inflate.ts";
import { toMetadata } from "./metadata.ts";
import { timeoutOf } from "./request_options.ts";
import { withDetails } from "./status_details.ts";

/** Questions about the node itself, and as many streams of clients, that may be open. */
const probesMax = 1_000;
/** What is small by its nature: probes, and the Hello of a peer. */
const smallBytesMax = 256 * 1024;

/** Larger answers are counted. */
const countedAnswerBytes = 64 * 1024;
/** For an answer to be taken: until the call's own deadline, and within these. */
const takenWithinMinMs = 1_000;
const takenWithinMaxMs = 60_000;

/** How much may be in the node. */
export interface DoorLimits {
  /** Calls that wait for the store or the cluster, by count. */
  readonly requestsMax: number;
  /** For their messages; large answers may hold as much again. */
  readonly memory: ByteBudget;
  /** The largest message of one of them, bytes. */
  readonly requestBytesMax: number;
}

/** One for all listeners of a node. */
export class Door {
  readonly #limits: DoorLimits;
  readonly #requests: Room;
  /** Apart from the requests, so that a node that is busy can still be looked at. */
  readonly #probes = new Room(probesMax);
  /** Apart from the probes, because they stay. */
  readonly #streams = new Room(probesMax);
  /** Peers are counted where they say who they are (inbound_streams.ts). */
  readonly #peers = new Room(Infinity);
  /** Apart from the requests, so that nobody who takes no answers keeps others from writing. */
  readonly #answers: ByteBudget;
  /** By the metadata of their calls, which handlers see as well. */
  readonly #flows = new WeakMap<Metadata, AnswerFlow>();

  constructor(limits: DoorLimits) {
    this.#limits = limits;
    this.#answers = new ByteBudget(limits.memory.bytesMax);
    this.#requests = new Room(limits.requestsMax);
  }

  /** For the listener that offers `methods`. */
  interceptor(methods: readonly OfferedMethod[]): ServerInterceptor {
    const byPath = new Map(methods.map((method) => [method.path, method]));
    return ({ path }, call) => {
      const method = byPath.get(path);
      // The library calls nobody for a path that is not offered.
      if (method === undefined) throw new Error(`${path} is not offered here`);
      const visit = new Visit({
        method,
        call,
        room: this.#room(method),
        limits: this.#limits,
        answers: this.#answers,
        flows: this.#flows,
      });
      return new ServerInterceptingCall(call, {
        start: (next) => next(visit.listener()),
        sendMetadata: (metadata, next) => {
          next(metadata);
          visit.heard();
        },
        // A handler answers with a message or, when it failed, with a status alone.
        sendMessage: (message: Uint8Array, next) => {
          const counted = visit.counted(message);
          if (counted === undefined) return;
          next(counted);
          visit.answered();
        },
        sendStatus: (status, next) => {
          next(status);
          visit.answered();
        },
      });
    };
  }

  /** The way out of the call that came with `metadata`. */
  flowOf(metadata: Metadata): AnswerFlow {
    return assertDefined(this.#flows.get(metadata), "A call with many answers has a flow");
  }

  #room({ countsAs, kind }: OfferedMethod): Room {
    switch (countsAs) {
      case "request":
        return this.#requests;
      case "probe":
        return kind === "stream" ? this.#streams : this.#probes;
      case "peer":
        return this.#peers;
      default:
        return unreachable(countsAs);
    }
  }
}

/** Calls that share a limit. */
class Room {
  readonly max: number;
  #inside = 0;

  constructor(max: number) {
    this.max = max;
  }

  enter(): boolean {
    if (this.#inside >= this.max) return false;
    this.#inside += 1;
    return true;
  }

  leave(): void {
    this.#inside -= 1;
  }
}

interface VisitParts {
  readonly method: OfferedMethod;
  readonly call: ServerInterceptingCallInterface;
  readonly room: Room;
  readonly limits: DoorLimits;
  readonly answers: ByteBudget;
  readonly flows: WeakMap<Metadata, AnswerFlow>;
}

/** One call, from its headers until its handler is done and its answer has left. */
class Visit {
  readonly #parts: VisitParts;
  readonly #incoming: Incoming;
  readonly #memory: ByteShare;
  readonly #answer: ByteShare;
  #state: "outside" | "inside" | "over" = "outside";
  /** The handler has the request and has not answered: what it keeps counts, whoever is gone. */
  #isServed = false;
  #isGone = false;
  #isRefused = false;
  /** Of a unary call: the answer is on its way, whether anybody takes it or not. */
  #hasAnswered = false;
  /** Of a message that is not whole yet. */
  #arrivedBytes = 0;
  #messages = 0;
  /** Its first byte says so (the length-prefixed message of the gRPC specification). */
  #isCompressed: boolean | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: VisitParts) {
    this.#parts = parts;
    this.#incoming = incomingOf(parts.call);
    this.#memory = new ByteShare(parts.limits.memory);
    this.#answer = new ByteShare(parts.answers);
  }

  listener(): ServerListener {
    return {
      onReceiveMetadata: (metadata, next) => this.#enter(metadata, next),
      onReceiveMessage: (message: Buffer, next) => this.#message(message, next),
      onReceiveHalfClose: (next) => {
        clearTimeout(this.#timer);
        if (this.#state !== "inside") return;
        this.#isServed = this.#parts.method.kind !== "stream";
        next();
      },
      onCancel: () => {
        // On Deno also when the deadline of the call is over while its answer waits to be taken.
        if (this.#hasAnswered && !this.#incoming.isClosed) {
          return this.#incoming.onClosed(() => this.#leave());
        }
        this.#isGone = true;
        if (!this.#isServed) this.#leave();
      },
    };
  }

  /**
   * `answer`, or what is said instead where too many answers wait to be taken; undefined where that
   * is a status, and has been sent.
   */
  counted(answer: Uint8Array): Uint8Array | undefined {
    const { method, answers: { heldBytes, bytesMax } } = this.#parts;
    if (method.kind !== "unary") return answer;
    if (answer.length <= countedAnswerBytes || this.#answer.take(answer.length)) return answer;
    const text = `Answers in memory have ${heldBytes} bytes, allowed are ${bytesMax}`;
    // A forwarded write may have been applied: only a read is sure to have changed nothing.
    const error = method.isRead
      ? overloaded(text)
      : new ServiceError("overloaded", text, { outcome: "unknown" });
    if (method.refused !== undefined) return method.refused(error).message;
    this.#refuse(error);
    return undefined;
  }

  /** The request is read; of a call with many answers only those are still to come. */
  heard(): void {
    if (this.#parts.method.kind !== "source") return;
    this.#isServed = false;
    this.#leave();
  }

  /** The handler is done with the request; the answer may still wait to be taken. */
  answered(): void {
    this.#isServed = false;
    if (this.#isGone) return this.#leave();
    // The message tells; the status behind it says nothing new.
    if (this.#parts.method.kind !== "unary" || this.#hasAnswered) return;
    this.#hasAnswered = true;
    clearTimeout(this.#timer);
    const leftMs = Number(this.#parts.call.getDeadline()) - Date.now();
    const withinMs = Math.min(Math.max(leftMs, takenWithinMinMs), takenWithinMaxMs);
    this.#timer = setTimeout(() => this.#incoming.cut(), withinMs);
  }

  #enter(metadata: Metadata, next: (metadata: Metadata) => void): void {
    const { method, call, room, answers, flows } = this.#parts;
    if (!room.enter()) {
      return this.#refuse(overloaded(`${room.max} calls are in the node, which is the limit`));
    }
    this.#state = "inside";
    this.#incoming.onPiece((piece) => this.#piece(piece));
    if (method.kind !== "unary") flows.set(metadata, new AnswerFlow(this.#incoming, answers));
    if (method.kind !== "stream") {
      this.#incoming.inflateNothing();
      const withinMs = timeoutOf(call.getDeadline());
      this.#timer = setTimeout(() => this.#refuse(late(withinMs)), withinMs);
    } else {
      this.#incoming.refuseCompressed();
    }
    next(metadata);
  }

  #piece(piece: Uint8Array): void {
    if (this.#state !== "inside" || piece.length === 0) return;
    this.#isCompressed ??= piece[0] === 1;
    const { countsAs } = this.#parts.method;
    if (countsAs === "request") {
      if (!this.#memory.take(piece.length)) this.#refuse(this.#noRoom());
      return;
    }
    if (countsAs === "peer" && this.#messages > 0) return;
    this.#arrivedBytes += piece.length;
    if (this.#arrivedBytes > smallBytesMax) this.#refuse(tooLarge(smallBytesMax));
  }

  #message(message: Buffer, next: (message: Buffer) => void): void {
    if (this.#state !== "inside") return;
    this.#messages += 1;
    this.#arrivedBytes = 0;
    if (this.#parts.method.kind === "stream" || this.#isCompressed !== true) return next(message);
    const { requestBytesMax } = this.#parts.limits;
    const take = (bytes: number): void => {
      this.#arrivedBytes += bytes;
      if (this.#arrivedBytes > requestBytesMax) throw tooLarge(requestBytesMax);
      if (!this.#memory.take(bytes)) throw this.#noRoom();
    };
    inflate(message, this.#incoming.encoding, take).then(next, (error) => this.#refuse(error));
  }

  #leave(): void {
    clearTimeout(this.#timer);
    this.#memory.release();
    this.#answer.release();
    if (this.#state === "inside") this.#parts.room.leave();
    this.#state = "over";
  }

  #noRoom(): ServiceError {
    const { heldBytes, bytesMax } = this.#parts.limits.memory;
    return overloaded(`Requests in memory have ${heldBytes} bytes, allowed are ${bytesMax}`);
  }

  /** The first reason is told; another may turn up while the call is being ended. */
  #refuse(error: unknown): void {
    if (this.#isRefused) return;
    this.#isRefused = true;
    const { method, call } = this.#parts;
    this.#leave();
    this.#incoming.abandon();
    if (method.kind === "unary" && method.refused !== undefined && error instanceof ServiceError) {
      const { message, headers } = method.refused(error);
      call.sendMetadata(toMetadata(headers ?? {}));
      call.sendMessage(Buffer.from(message), () => {});
      return call.sendStatus({ code: grpcStatus.ok, details: "OK", metadata: null });
    }
    const shown = withDetails(error);
    const { code, message, trailers } = shown instanceof CallError
      ? shown
      : new CallError(grpcStatus.internal, "Internal error");
    call.sendStatus({ code, details: message, metadata: toMetadata(trailers) });
  }
}

/** Nothing of the call has reached anybody. */
function overloaded(text: string): ServiceError {
  const outcome = "not_applied";
  return new ServiceError("overloaded", text, { outcome, retryable: true, retryAfterMs: 1_000 });
}

function late(withinMs: number): ServiceError {
  const text = `The request did not arrive within ${withinMs} ms`;
  return new ServiceError("request_timeout", text, { outcome: "not_applied", retryable: true });
}

function tooLarge(bytesMax: number): CallError {
  const text = `The request has more bytes than ${bytesMax}, which are allowed`;
  return new CallError(grpcStatus.resourceExhausted, text);
}
