/** Carries the answers of a source to grpc-js: one after the other, as the client takes them. */

import { type handleServerStreamingCall, Metadata, type ServerWritableStream } from "@grpc/grpc-js";
import { timerMsMax } from "../lib/timer.ts";
import { ServiceError } from "../service/errors.ts";
import { type AdapterOptions, contextOf, toCallError, tooLarge } from "./adapt.ts";
import type { AnswerFlow } from "./answer_flow.ts";
import type { AnswerSource, CallError, OfferedMethod } from "./call.ts";
import { toMetadata } from "./metadata.ts";
import { withDetails } from "./status_details.ts";

type Call = ServerWritableStream<Uint8Array, Uint8Array>;
type SourceMethod = Extract<OfferedMethod, { kind: "source" }>;

/** The grpc-js handler of a method with one request and many answers. */
export function adaptSource(
  method: SourceMethod,
  options: AdapterOptions,
): handleServerStreamingCall<Uint8Array, Uint8Array> {
  return (call) => {
    const pump = new Pump(call, options.flowOf(call.metadata));
    pump.run(method, options).catch((error: unknown) => {
      pump.fail(toCallError(withDetails(error), method.path, options));
    });
  };
}

/** One call, from its request to its end. */
class Pump {
  readonly #call: Call;
  readonly #flow: AnswerFlow;
  readonly #abort = new AbortController();
  #source: AnswerSource<Uint8Array> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(call: Call, flow: AnswerFlow) {
    this.#call = call;
    this.#flow = flow;
    const gone = (): void => {
      if (this.#isOver) return;
      this.#abort.abort();
      this.#end();
    };
    call.on("cancelled", gone);
    call.on("close", gone);
    const leftMs = Number(call.getDeadline()) - Date.now();
    // The library tells of it only when the client has taken everything and the status.
    // A client that has more patience than a timer has no deadline.
    if (leftMs <= timerMsMax) this.#timer = setTimeout(gone, Math.max(0, leftMs));
  }

  async run(method: SourceMethod, { requestBytesMax }: AdapterOptions): Promise<void> {
    const call = this.#call;
    const { length } = call.request;
    if (length > requestBytesMax) throw tooLarge(length, requestBytesMax);
    const source = await method.handle(call.request, contextOf(call, this.#abort.signal));
    if (this.#isOver) {
      source.close();
      // The door has to know that nobody works at it any more.
      return call.sendMetadata(new Metadata());
    }
    this.#source = source;
    call.sendMetadata(toMetadata(source.headers));
    for (;;) {
      const answer = await source.next();
      if (this.#isOver) return;
      if (answer === undefined) break;
      if (!this.#flow.hasRoomFor(answer.length)) throw noRoom();
      await this.#flow.write(answer.length, (done) => call.write(answer, done));
    }
    this.#end();
    call.end();
  }

  fail({ code, message, trailers }: CallError): void {
    if (this.#isOver) return this.#call.sendMetadata(new Metadata());
    this.#end();
    this.#call.emit("error", { code, details: message, metadata: toMetadata(trailers) });
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#flow.end();
  }
}

function noRoom(): ServiceError {
  const text = "Too many answers wait in memory for their clients";
  return new ServiceError("overloaded", text, { retryable: true, retryAfterMs: 1_000 });
}
