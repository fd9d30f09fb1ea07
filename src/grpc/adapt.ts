/** Carries the calls of grpc-js to handlers that know no gRPC library (call.ts). */

import type {
  handleBidiStreamingCall,
  Metadata,
  sendUnaryData,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
} from "@grpc/grpc-js";
import { grpcStatus } from "../service/errors.ts";
import type { AnswerFlow } from "./answer_flow.ts";
import {
  type Answer,
  type CallContext,
  CallError,
  type OfferedMethod,
  type StreamAnswers,
  type StreamEvents,
} from "./call.ts";
import { toMetadata } from "./metadata.ts";
import type { ReplyQueue } from "./reply_queue.ts";

type Unary = ServerUnaryCall<Uint8Array, Uint8Array>;
type Duplex = ServerDuplexStream<Uint8Array, Uint8Array>;
type UnaryMethod = Extract<OfferedMethod, { kind: "unary" }>;
type StreamMethod = Extract<OfferedMethod, { kind: "stream" }>;

/** What every adapted method of one listener shares. */
export interface AdapterOptions {
  /** Larger requests are refused although the listener's limit lets them through. */
  readonly requestBytesMax: number;
  readonly replies: ReplyQueue;
  /** The way out of a call with many answers. */
  readonly flowOf: (metadata: Metadata) => AnswerFlow;
  /** An error that no handler should throw; the client sees nothing of it. */
  readonly onInternalError: (path: string, error: unknown) => void;
}

/** The grpc-js handler of a method with one request and one answer. */
export function adaptUnary(
  method: UnaryMethod,
  options: AdapterOptions,
): (call: Unary, callback: sendUnaryData<Uint8Array>) => void {
  return (call, callback) => {
    const abort = new AbortController();
    let answered = false;
    // The library calls every stream cancelled when it is over, and an abort costs a stack trace.
    call.on("cancelled", () => {
      if (!answered) abort.abort();
    });
    const fail = (error: unknown): void => {
      const { code, message, trailers } = toCallError(error, method.path, options);
      answered = true;
      options.replies.add(() =>
        callback({ code, details: message, metadata: toMetadata(trailers) })
      );
    };
    if (call.request.length > options.requestBytesMax) {
      return fail(tooLarge(call.request.length, options.requestBytesMax));
    }
    const succeed = (answer: Answer<Uint8Array>): void => {
      answered = true;
      options.replies.add(() => {
        if (answer.headers !== undefined) call.sendMetadata(toMetadata(answer.headers));
        callback(null, answer.message);
      });
    };
    method.handle(call.request, contextOf(call, abort.signal)).then(succeed, fail);
  };
}

/** What is said to a client whose request is too large. */
export function tooLarge(bytes: number, bytesMax: number): CallError {
  const text = `The request has ${bytes} bytes, allowed are ${bytesMax}`;
  return new CallError(grpcStatus.resourceExhausted, text);
}

/** Only what was meant for the client reaches it: no stack, no message of a library. */
export function toCallError(error: unknown, path: string, options: AdapterOptions): CallError {
  if (error instanceof CallError) return error;
  options.onInternalError(path, error);
  return new CallError(grpcStatus.internal, "Internal error");
}

/**
 * Every streaming method is offered as one that streams both ways: on the wire a method whose
 * request is single is a stream of one message.
 */
export function adaptStream(
  method: StreamMethod,
  options: AdapterOptions,
): handleBidiStreamingCall<Uint8Array, Uint8Array> {
  return (call) => {
    const abort = new AbortController();
    let closed = false;
    let events: StreamEvents<Uint8Array> | undefined;
    const guard = (run: () => void): void => {
      try {
        run();
      } catch (error) {
        answers.fail(toCallError(error, method.path, options));
      }
    };
    const close = (): void => {
      if (closed) return;
      closed = true;
      answers.over = true;
      abort.abort();
      flow.end();
      guard(() => events?.closed());
    };
    const flow = options.flowOf(call.metadata);
    const answers = new Answers(call, flow, close);
    try {
      events = method.handle(answers, contextOf(call, abort.signal));
    } catch (error) {
      return answers.fail(toCallError(error, method.path, options));
    }
    call.on("data", (bytes: Uint8Array) => {
      if (closed || answers.over) return;
      if (bytes.length > options.requestBytesMax) {
        return answers.fail(tooLarge(bytes.length, options.requestBytesMax));
      }
      guard(() => events?.message(bytes));
    });
    call.on("end", () => {
      if (!closed) guard(() => events?.halfClosed());
    });
    call.on("cancelled", close);
    call.on("close", close);
    call.on("error", close);
  };
}

/** A client that goes on asking without taking its answers is turned away. */
const untakenAnswersMax = 16;
/** On Deno the library takes what has not left yet for taken (sent_frames.ts). */
const untakenBytesMax = 256 * 1024;

class Answers implements StreamAnswers<Uint8Array> {
  over = false;
  readonly #call: Duplex;
  readonly #flow: AnswerFlow;
  readonly #onOver: () => void;

  constructor(call: Duplex, flow: AnswerFlow, onOver: () => void) {
    this.#call = call;
    this.#flow = flow;
    this.#onOver = onOver;
  }

  send(message: Uint8Array): void {
    if (this.over) return;
    const [count, bytes] = [this.#call.writableLength, this.#flow.untakenBytes];
    if (count >= untakenAnswersMax || bytes > untakenBytesMax) {
      const text = `Answers wait to be taken, ${count} of them and ${bytes} bytes`;
      return this.fail(new CallError(grpcStatus.resourceExhausted, text));
    }
    this.#flow.writeNow(message.length, (done) => this.#call.write(message, done));
  }

  end(): void {
    if (this.over) return;
    this.over = true;
    this.#call.end();
    // The library tells nobody that a stream is over while its client has not ended its half.
    queueMicrotask(this.#onOver);
  }

  fail(error: CallError): void {
    if (this.over) return;
    this.over = true;
    const { code, message, trailers } = error;
    this.#call.emit("error", { code, details: message, metadata: toMetadata(trailers) });
    queueMicrotask(this.#onOver);
  }
}

/** What a handler may know of `call`. */
export function contextOf(
  call: Unary | Duplex | ServerWritableStream<Uint8Array, Uint8Array>,
  signal: AbortSignal,
): CallContext {
  const deadline = call.getDeadline();
  const endMs = deadline instanceof Date ? deadline.getTime() : deadline;
  return {
    header: (name) => {
      const [first] = call.metadata.get(name);
      return typeof first === "string" ? first : undefined;
    },
    timeoutMs: Number.isFinite(endMs) ? Math.max(0, Math.floor(endMs - Date.now())) : undefined,
    signal,
    peer: call.getPeer(),
  };
}
