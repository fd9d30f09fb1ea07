/** The gRPC listeners of a node: one for peers and clients, or one for each. */

import { logVerbosity, Server, type ServerCredentials, setLogVerbosity } from "@grpc/grpc-js";
import { ByteBudget } from "../lib/byte_budget.ts";
import { type AdapterOptions, adaptStream, adaptUnary } from "./adapt.ts";
import { adaptSource } from "./adapt_source.ts";
import type { OfferedMethod } from "./call.ts";
import { Door } from "./door.ts";
import { frameBytesMax } from "./peer_connection.ts";
import { ReplyQueue } from "./reply_queue.ts";

// Errors reach us as values; the library would print some of them a second time.
setLogVerbosity(logVerbosity.NONE);

/** The largest request of a client, bytes, unless the options say another. */
const clientRequestBytesMax = 16 * 1024 * 1024;
const requestsMax = 10_000;
const memoryBytesMax = 256 * 1024 * 1024;

/** Where to listen, and what to offer to whom. */
export interface GrpcServerOptions {
  /** `host:port`; port 0 lets the system choose. */
  readonly rpcAddress: string;
  /** With it `rpcAddress` carries the traffic of peers alone. */
  readonly clientRpcAddress?: string;
  readonly credentials: ServerCredentials;
  /** What only peers may call: RaftService. */
  readonly peerMethods: readonly OfferedMethod[];
  readonly clientMethods: readonly OfferedMethod[];
  /** The largest request of a client, bytes. */
  readonly clientRequestBytesMax?: number;
  /** Requests in the node at once, by count; 10,000 unless set. More are refused as overloaded. */
  readonly requestsMax?: number;
  /** For their messages, from the first byte until the answer has left; 256 MiB unless set. */
  readonly memory?: ByteBudget;
  /** A handler threw what it should not have; the client was told "Internal error". */
  readonly onInternalError: (path: string, error: unknown) => void;
}

/** Listeners that stand. */
export interface GrpcServer {
  /** With the port that the system chose. */
  readonly rpcAddress: string;
  readonly clientRpcAddress: string;
  /**
   * Refuses new connections and calls, lets calls under way end for at most `graceMs`, then cuts.
   * Streams that the node itself holds are to be ended before: they would last until the cut.
   */
  close(graceMs: number): Promise<void>;
}

/** Throws an Error that names the address when it cannot be had. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const separate = options.clientRpcAddress !== undefined;
  const door = new Door({
    requestsMax: options.requestsMax ?? requestsMax,
    memory: options.memory ?? new ByteBudget(memoryBytesMax),
    requestBytesMax: options.clientRequestBytesMax ?? clientRequestBytesMax,
  });
  const { clientMethods, peerMethods } = options;
  const rpc = new Listener(options, door, {
    clientMethods: separate ? [] : clientMethods,
    peerMethods,
  });
  const rpcAddress = await rpc.listen(options.rpcAddress, options.credentials);
  if (options.clientRpcAddress === undefined) {
    return { rpcAddress, clientRpcAddress: rpcAddress, close: (graceMs) => rpc.close(graceMs) };
  }
  const client = new Listener(options, door, { clientMethods, peerMethods: [] });
  try {
    const address = await client.listen(options.clientRpcAddress, options.credentials);
    return {
      rpcAddress,
      clientRpcAddress: address,
      close: async (graceMs) => {
        await Promise.all([client.close(graceMs), rpc.close(graceMs)]);
      },
    };
  } catch (error) {
    await rpc.close(0);
    throw error;
  }
}

class Listener {
  readonly #server: Server;

  constructor(
    options: Pick<GrpcServerOptions, "onInternalError" | "clientRequestBytesMax">,
    door: Door,
    { clientMethods, peerMethods }: Pick<GrpcServerOptions, "clientMethods" | "peerMethods">,
  ) {
    const requestBytesMax = options.clientRequestBytesMax ?? clientRequestBytesMax;
    const bytesMax = peerMethods.length > 0
      ? Math.max(frameBytesMax, requestBytesMax)
      : requestBytesMax;
    this.#server = new Server({
      "grpc.max_receive_message_length": bytesMax,
      // Answers are as large as what they hold: a listing ends its page itself.
      "grpc.max_send_message_length": -1,
      // Finds connections whose other end has vanished; peers look after their own more often.
      "grpc.keepalive_time_ms": 10_000,
      "grpc.keepalive_timeout_ms": 5_000,
      "grpc.max_concurrent_streams": 10_000,
      // Without it the library forgets its connections, and forceShutdown cuts none (1.14.7).
      "grpc.enable_channelz": 1,
      interceptors: [door.interceptor([...clientMethods, ...peerMethods])],
    });
    const { onInternalError } = options;
    const replies = new ReplyQueue();
    const shared = { replies, onInternalError, flowOf: door.flowOf.bind(door) };
    for (const method of clientMethods) {
      this.#offer(method, { ...shared, requestBytesMax });
    }
    for (const method of peerMethods) {
      this.#offer(method, { ...shared, requestBytesMax: frameBytesMax });
    }
  }

  #offer(method: OfferedMethod, adapter: AdapterOptions): void {
    // Messages stay bytes inside the library: a request that cannot be read is then ours to answer.
    const added = this.#register(method, adapter);
    if (!added) throw new Error(`${method.path} is offered twice`);
  }

  #register(method: OfferedMethod, adapter: AdapterOptions): boolean {
    const { path } = method;
    switch (method.kind) {
      case "unary":
        return this.#server.register(path, adaptUnary(method, adapter), toBuffer, asIs, "unary");
      case "stream":
        return this.#server.register(path, adaptStream(method, adapter), toBuffer, asIs, "bidi");
      case "source": {
        const handle = adaptSource(method, adapter);
        return this.#server.register(path, handle, toBuffer, asIs, "serverStream");
      }
    }
  }

  listen(address: string, credentials: ServerCredentials): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, credentials, (error, port) => {
        if (error === null) resolve(address.replace(/:\d+$/, `:${port}`));
        else reject(new Error(`Cannot listen for gRPC on ${address}: ${reasonOf(error)}`));
      });
    });
  }

  close(graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#server.forceShutdown();
        resolve();
      }, graceMs);
      this.#server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** The library tells the errors of all addresses that it tried, in one text and without codes. */
function reasonOf({ message }: Error): string {
  return message.includes("EADDRINUSE") ? "the address is in use" : message;
}

function asIs(bytes: Buffer): Uint8Array {
  return bytes;
}

function toBuffer(bytes: Uint8Array): Buffer {
  if (Buffer.isBuffer(bytes)) return bytes;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
