/**
 * Hands requests to the leader (service/forwarder.ts), and takes them on its side. A write may be
 * sent again only after proof that it was not appended, so the two halves of "it did not work" are
 * kept apart with care: before the first byte has left it is `notSent`, from then on `unknown`
 * unless the other node itself says more.
 */

import { type ChannelCredentials, Client, connectivityState, Metadata } from "@grpc/grpc-js";
import { ServiceError } from "../service/errors.ts";
import type {
  Forwarder,
  ForwardHandler,
  ForwardOutcome,
  ForwardRequest,
} from "../service/forwarder.ts";
import { type OfferedMethod, offerUnary } from "./call.ts";
import { method } from "./codec.ts";
import {
  fromForwardAnswer,
  fromForwardRequest,
  fromServiceError,
  toForwardOutcome,
  toForwardRequest,
} from "./convert_forward.ts";
import {
  defaultPeerTiming,
  frameBytesMax,
  peerChannelOptions,
  type PeerTiming,
} from "./peer_connection.ts";

const forwardMethod = method("skein.raft.v1.RaftService", "Forward");
/** Leaders come and go: connections to more of them than this are closed, oldest first. */
const connectionsMax = 8;
/** The leader gives its own answer at the deadline; it needs a moment to arrive. */
const answerGraceMs = 100;
const connectTimeoutMs = 1_000;

/** The asking side, with a connection to each of the last leaders. */
export class GrpcForwarder implements Forwarder {
  readonly #credentials: ChannelCredentials;
  readonly #timing: PeerTiming;
  /** By address, least recently used first. */
  readonly #clients = new Map<string, Client>();
  #closed = false;

  constructor(credentials: ChannelCredentials, timing: PeerTiming = defaultPeerTiming) {
    this.#credentials = credentials;
    this.#timing = timing;
  }

  async forward(
    address: string,
    request: ForwardRequest,
    signal?: AbortSignal,
  ): Promise<ForwardOutcome> {
    if (this.#closed || signal?.aborted === true) {
      return { kind: "notSent", detail: "The request was given up before it was sent" };
    }
    const bytes = Buffer.from(forwardMethod.request.encode(fromForwardRequest(request)));
    if (bytes.length > frameBytesMax) {
      const detail =
        `The forwarded request has ${bytes.length} bytes, allowed are ${frameBytesMax}`;
      const error = new ServiceError("request_too_large", detail, { outcome: "not_applied" });
      return { kind: "failed", error };
    }
    const deadlineMs = performance.now() + request.timeoutMs;
    const client = this.#client(address);
    let obstacle = await ready(client, Math.min(request.timeoutMs, connectTimeoutMs), signal);
    // A closed client throws when it is asked to call.
    if (this.#closed || this.#clients.get(address) !== client) obstacle ??= "It was closed";
    if (obstacle !== undefined) return { kind: "notSent", detail: `${address}: ${obstacle}` };
    const leftMs = Math.max(0, deadlineMs - performance.now());
    return await call(client, bytes, leftMs + answerGraceMs, signal);
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #client(address: string): Client {
    let client = this.#clients.get(address);
    this.#clients.delete(address);
    client ??= new Client(address, this.#credentials, peerChannelOptions(this.#timing));
    this.#clients.set(address, client);
    const [oldest] = this.#clients;
    if (this.#clients.size > connectionsMax && oldest !== undefined) {
      this.#clients.delete(oldest[0]);
      // Calls under way end by themselves.
      oldest[1].close();
    }
    return client;
  }
}

/**
 * Waits for a connection, and no longer than until an attempt at one has failed: the leader may be
 * another node by then. Resolves with what stood in the way.
 */
function ready(
  client: Client,
  withinMs: number,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const channel = client.getChannel();
  const endMs = performance.now() + withinMs;
  return new Promise((resolve) => {
    const giveUp = (): void => finish("The request was given up");
    const finish = (obstacle: string | undefined): void => {
      signal?.removeEventListener("abort", giveUp);
      resolve(obstacle);
    };
    signal?.addEventListener("abort", giveUp, { once: true });
    const look = (before: connectivityState | undefined): void => {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) return finish(undefined);
      if (signal?.aborted === true) return giveUp();
      const failed = before !== undefined && state === connectivityState.TRANSIENT_FAILURE;
      if (failed || state === connectivityState.SHUTDOWN) return finish("No connection");
      // The library wants wall time, and makes a span of it at once: no step of the clock matters.
      const untilMs = Date.now() + endMs - performance.now();
      channel.watchConnectivityState(state, untilMs, (error) => {
        if (error instanceof Error) finish("No connection in time");
        else look(state);
      });
    };
    look(undefined);
  });
}

/** Ended by a timer of its own: a deadline of the library's is wall time, which may step. */
function call(
  client: Client,
  bytes: Buffer,
  withinMs: number,
  signal: AbortSignal | undefined,
): Promise<ForwardOutcome> {
  if (signal?.aborted === true) {
    return Promise.resolve({ kind: "notSent", detail: "The request was given up" });
  }
  return new Promise((resolve) => {
    const finish = (outcome: ForwardOutcome): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      resolve(outcome);
    };
    const running = client.makeUnaryRequest(
      forwardMethod.path,
      asIs,
      asIs,
      bytes,
      new Metadata(),
      (error, response) =>
        finish(error === null ? read(response) : { kind: "unknown", detail: error.details }),
    );
    const cancel = (): void => running.cancel();
    const timer = setTimeout(cancel, withinMs);
    signal?.addEventListener("abort", cancel, { once: true });
  });
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function read(response: Buffer | undefined): ForwardOutcome {
  try {
    if (response === undefined) return { kind: "unknown", detail: "The answer is empty" };
    return toForwardOutcome(forwardMethod.response.decode(response));
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { kind: "unknown", detail: `The answer cannot be read: ${detail}` };
  }
}

/** What the answering side stands on. */
export interface ForwardServiceOptions {
  readonly clusterId: () => string;
  readonly handle: ForwardHandler;
  readonly onInternalError: (error: unknown) => void;
}

/** The answering side, to be offered to peers. */
export function offerForward(options: ForwardServiceOptions): OfferedMethod {
  return offerUnary(forwardMethod, async (wire, context) => {
    try {
      const request = parse(wire);
      const ownId = options.clusterId();
      if (request.clusterId !== ownId) {
        const detail = `The request is for cluster ${request.clusterId}, this is ${ownId}`;
        throw new ServiceError("wrong_cluster", detail, { outcome: "not_applied" });
      }
      const answer = await options.handle(request, context.signal);
      return { message: fromForwardAnswer(answer) };
    } catch (error) {
      if (error instanceof ServiceError) return { message: fromServiceError(error) };
      options.onInternalError(error);
      const hidden = new ServiceError("internal", "Internal error", { outcome: "unknown" });
      return { message: fromServiceError(hidden) };
    }
    // The other node must know that nothing was appended: a status would be an unknown outcome.
  }, { refused: (error) => ({ message: fromServiceError(error) }) });
}

function parse(wire: Parameters<typeof toForwardRequest>[0]): ForwardRequest {
  try {
    return toForwardRequest(wire);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new ServiceError("validation_failed", detail, { outcome: "not_applied" });
  }
}
