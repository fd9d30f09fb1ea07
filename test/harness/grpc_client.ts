/** A plain grpc-js client for the methods of proto/, as any user of that library would have it. */

import {
  type CallOptions,
  Client,
  type ClientDuplexStream,
  compressionAlgorithms,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import type { MethodFacts } from "../../src/grpc/codec.ts";

export interface UnaryReply<Response> {
  readonly response: Response;
  readonly headers: Readonly<Record<string, unknown>>;
}

export class TestGrpcClient {
  readonly client: Client;

  constructor(
    address: string,
    compression: compressionAlgorithms = compressionAlgorithms.identity,
  ) {
    this.client = new Client(address, credentials.createInsecure(), {
      "grpc.default_compression_algorithm": compression,
      "grpc.enable_http_proxy": 0,
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": -1,
      "grpc.max_send_message_length": -1,
    });
  }

  /** Rejects with grpc-js' ServiceError. */
  unary<Request, Response>(
    method: MethodFacts<Request, Response>,
    request: Request,
    options: { readonly metadata?: Readonly<Record<string, string>>; readonly timeoutMs?: number } =
      {},
  ): Promise<UnaryReply<Response>> {
    const encode = (value: Request) => Buffer.from(method.request.encode(value));
    const decode = (bytes: Buffer) => method.response.decode(bytes);
    return this.#unary(method.path, encode, decode, request, options);
  }

  /** Sends bytes that may be no message at all. */
  raw(path: string, bytes: Uint8Array): Promise<UnaryReply<Buffer>> {
    return this.#unary(path, (value: Uint8Array) => Buffer.from(value), (b) => b, bytes, {});
  }

  #unary<Request, Response>(
    path: string,
    encode: (value: Request) => Buffer,
    decode: (bytes: Buffer) => Response,
    request: Request,
    options: { readonly metadata?: Readonly<Record<string, string>>; readonly timeoutMs?: number },
  ): Promise<UnaryReply<Response>> {
    const metadata = toMetadata(options.metadata ?? {});
    const callOptions: CallOptions = { deadline: Date.now() + (options.timeoutMs ?? 60_000) };
    return new Promise((resolve, reject) => {
      let headers: Readonly<Record<string, unknown>> = {};
      const call = this.client.makeUnaryRequest(
        path,
        encode,
        decode,
        request,
        metadata,
        callOptions,
        (error, response) => {
          if (error !== null) reject(error);
          else if (response === undefined) reject(new Error("An answer without a message"));
          else resolve({ response, headers });
        },
      );
      call.on("metadata", (received: Metadata) => headers = received.getMap());
    });
  }

  stream<Request, Response>(
    method: MethodFacts<Request, Response>,
  ): ClientDuplexStream<Request, Response> {
    const call = this.client.makeBidiStreamRequest(
      method.path,
      (value: Request) => Buffer.from(method.request.encode(value)),
      (bytes) => method.response.decode(bytes),
      new Metadata(),
    );
    call.on("error", () => {});
    return call;
  }

  /** A stream of bytes that may be no messages. */
  rawStream(path: string): ClientDuplexStream<Uint8Array, Buffer> {
    const call = this.client.makeBidiStreamRequest(
      path,
      (value: Uint8Array) => Buffer.from(value),
      (bytes) => bytes,
      new Metadata(),
    );
    call.on("error", () => {});
    return call;
  }

  close(): void {
    this.client.close();
  }
}

function toMetadata(values: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(values)) metadata.set(name, value);
  return metadata;
}

/** The error that `run` rejects with. */
export async function statusOf(run: Promise<unknown>): Promise<ServiceError> {
  try {
    await run;
  } catch (error) {
    if (isServiceError(error)) return error;
    throw error;
  }
  throw new Error("The call succeeded");
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "metadata" in error;
}
