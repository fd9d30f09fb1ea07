/**
 * What a handler of a gRPC call sees. No handler knows the library that carries the call, so that
 * another front can take its place.
 */

import type { ServiceError } from "../service/errors.ts";
import type { Codec, MethodFacts } from "./codec.ts";

/** Text values, or bytes under names that end in `-bin`. Names are lower case. */
export type CallMetadata = Readonly<Record<string, string | Uint8Array>>;

/** What a handler may know of its call beside the message. */
export interface CallContext {
  /** The first text value of a request header. */
  header(name: string): string | undefined;
  /** Ms left for the call; undefined when the client gave no deadline. */
  readonly timeoutMs: number | undefined;
  /** Aborted when the client is gone or its deadline has passed. */
  readonly signal: AbortSignal;
  /** `host:port` of the client, as the socket says. */
  readonly peer: string;
}

/** Ends a call with a status other than OK. The message goes to the client as it stands. */
export class CallError extends Error {
  override readonly name = "CallError";
  /** One of `grpcStatus` in service/errors.ts. */
  readonly code: number;
  readonly trailers: CallMetadata;

  constructor(code: number, message: string, trailers: CallMetadata = {}) {
    super(message);
    this.code = code;
    this.trailers = trailers;
  }
}

/** What a unary call is answered with; `headers` go ahead of the message. */
export interface Answer<Response> {
  readonly message: Response;
  readonly headers?: CallMetadata;
}

export type UnaryHandler<Request, Response> = (
  request: Request,
  call: CallContext,
) => Promise<Answer<Response>>;

/** The answering half of a stream. After `end` or `fail` nothing more is sent. */
export interface StreamAnswers<Response> {
  send(message: Response): void;
  end(): void;
  fail(error: CallError): void;
}

/** What happens on the asking half of a stream. */
export interface StreamEvents<Request> {
  message(request: Request): void;
  /** The bytes were no message; the stream goes on. */
  malformed(error: Error): void;
  /** The client has nothing more to ask. */
  halfClosed(): void;
  /** The stream is over, however it ended. Called exactly once, last. */
  closed(): void;
}

/** Streams in either direction, or both. */
export type StreamHandler<Request, Response> = (
  answers: StreamAnswers<Response>,
  call: CallContext,
) => StreamEvents<Request>;

/** Where the answers to one question come from, for as long as the client listens. */
export interface AnswerSource<Response> {
  /** Sent at once, so that the client knows that it is heard. */
  readonly headers: CallMetadata;
  /**
   * The next answer, asked for when those before have been taken; undefined at the end, which is
   * OK. Every other end is an error that it throws.
   */
  next(): Promise<Response | undefined>;
  /** Called once, when nothing more is wanted; a `next` that waits has to come back. */
  close(): void;
}

/** One question, many answers. */
export type SourceHandler<Request, Response> = (
  request: Request,
  call: CallContext,
) => Promise<AnswerSource<Response>>;

/** Under which limits a call is let in (door.ts). */
export type CountsAs =
  /** It waits for the store or the cluster. */
  | "request"
  /** Small, and about the node itself: it is answered however busy the node is. */
  | "probe"
  /** Of a node that has to say who it is. */
  | "peer";

/** A method as the server offers it: bytes in, bytes out, types forgotten. */
export type OfferedMethod =
  & { readonly path: string; readonly requestStream: boolean; readonly responseStream: boolean }
  & { readonly countsAs: CountsAs }
  & (
    | {
      readonly kind: "unary";
      readonly handle: UnaryHandler<Uint8Array, Uint8Array>;
      /** How the protocol tells that a call was not let in, where it is not by a status. */
      readonly refused: ((error: ServiceError) => Answer<Uint8Array>) | undefined;
      /** It changes nothing. */
      readonly isRead: boolean;
    }
    | { readonly kind: "stream"; readonly handle: StreamHandler<Uint8Array, Uint8Array> }
    /** Counts as a request until it is heard; then its service counts it. */
    | { readonly kind: "source"; readonly handle: SourceHandler<Uint8Array, Uint8Array> }
  );

/** Offers a method with one request and one answer. */
export function offerUnary<Request, Response>(
  facts: MethodFacts<Request, Response>,
  handler: UnaryHandler<Request, Response>,
  more: {
    /** `request` unless said otherwise. */
    readonly countsAs?: CountsAs;
    readonly refused?: (error: ServiceError) => Answer<Response>;
    /** False unless said otherwise. */
    readonly isRead?: boolean;
  } = {},
): OfferedMethod {
  const { refused } = more;
  const encoded = ({ message, ...answer }: Answer<Response>): Answer<Uint8Array> => {
    return { ...answer, message: facts.response.encode(message) };
  };
  return {
    ...shape(facts),
    kind: "unary",
    countsAs: more.countsAs ?? "request",
    isRead: more.isRead ?? false,
    refused: refused === undefined ? undefined : (error) => encoded(refused(error)),
    handle: async (bytes, call) =>
      encoded(await handler(decodeRequest(facts.request, bytes), call)),
  };
}

const invalidArgument = 3;
/**
 * Every field becomes a value that costs time and some hundred bytes, an empty one of two bytes on
 * the wire too. The most that any request needs is a read's: 10,000 keys.
 */
const requestFieldsMax = 20_000;

/** A client's mistake, not ours: INVALID_ARGUMENT. */
function decodeRequest<Request>(request: Codec<Request>, bytes: Uint8Array): Request {
  try {
    return request.decode(bytes, requestFieldsMax);
  } catch (error) {
    throw new CallError(invalidArgument, error instanceof Error ? error.message : String(error));
  }
}

/** Offers a method that streams in at least one direction. */
export function offerStream<Request, Response>(
  facts: MethodFacts<Request, Response>,
  handler: StreamHandler<Request, Response>,
  countsAs: CountsAs = "probe",
): OfferedMethod {
  return {
    ...shape(facts),
    kind: "stream",
    countsAs,
    handle: (answers, call) => {
      const typed: StreamAnswers<Response> = {
        send: (message) => answers.send(facts.response.encode(message)),
        end: () => answers.end(),
        fail: (error) => answers.fail(error),
      };
      const events = handler(typed, call);
      return {
        ...events,
        message: (bytes) => {
          let request: Request;
          try {
            request = facts.request.decode(bytes);
          } catch (error) {
            events.malformed(error instanceof Error ? error : new Error(String(error)));
            return;
          }
          events.message(request);
        },
      };
    },
  };
}

/** Offers a method with one request whose answers go on. */
export function offerSource<Request, Response>(
  facts: MethodFacts<Request, Response>,
  handler: SourceHandler<Request, Response>,
): OfferedMethod {
  return {
    ...shape(facts),
    kind: "source",
    countsAs: "request",
    handle: async (bytes, call) => {
      const source = await handler(decodeRequest(facts.request, bytes), call);
      return {
        headers: source.headers,
        next: async () => {
          const answer = await source.next();
          return answer === undefined ? undefined : facts.response.encode(answer);
        },
        close: () => source.close(),
      };
    },
  };
}

function shape(facts: MethodFacts<unknown, unknown>): {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
} {
  const { path, requestStream, responseStream } = facts;
  return { path, requestStream, responseStream };
}
