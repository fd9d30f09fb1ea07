/**
 * A client that speaks HTTP/2 to a gRPC listener as no gRPC library would: it stops in the middle
 * of a message, leaves its half open, and does not take its answers.
 */

import { Buffer } from "node:buffer";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";

/** One connection. */
export class RawHttp2Client {
  readonly #session: ClientHttp2Session;

  constructor(address: string) {
    this.#session = connect(`http://${address}`);
    this.#session.on("error", () => {});
  }

  /** Opens a call and sends nothing but its headers. */
  call(path: string, headers: Readonly<Record<string, string>> = {}): RawCall {
    return new RawCall(this.#session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      "te": "trailers",
      ...headers,
    }));
  }

  /** Cuts the connection. */
  cut(): void {
    this.#session.destroy();
  }
}

/** One call, and what was answered to it. */
export class RawCall {
  readonly stream: ClientHttp2Stream;
  readonly #answers: Buffer[] = [];
  /** Of the answer, once it has come: `grpc-status` and the like. */
  trailers: Readonly<Record<string, string>> = {};
  isClosed = false;

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream;
    const note = (headers: object): void => {
      this.trailers = { ...this.trailers, ...Object.fromEntries(textsOf(headers)) };
    };
    stream.on("response", note);
    stream.on("trailers", note);
    stream.on("error", () => {});
    stream.on("close", () => this.isClosed = true);
  }

  /** From now on answers are taken. */
  take(): this {
    this.stream.on("data", (piece: Buffer) => this.#answers.push(piece));
    return this;
  }

  /** The start of a message of `bytes` bytes, and as much of it as `sent`. */
  begin(bytes: number, sent: Uint8Array, compressed = false): this {
    const head = Buffer.alloc(5);
    head.writeUInt8(compressed ? 1 : 0, 0);
    head.writeUInt32BE(bytes, 1);
    this.stream.write(Buffer.concat([head, sent]));
    return this;
  }

  /** A whole message; the own half stays open. */
  send(message: Uint8Array, compressed = false): this {
    return this.begin(message.length, message, compressed);
  }

  get status(): string | undefined {
    return this.trailers["grpc-status"];
  }

  /** The first message of the answer, once it is whole. */
  get message(): Uint8Array | undefined {
    return this.messages[0];
  }

  /** All messages of the answer that are whole. */
  get messages(): readonly Uint8Array[] {
    const all = Buffer.concat(this.#answers);
    const messages: Uint8Array[] = [];
    for (let at = 0; all.length >= at + 5;) {
      const end = at + 5 + all.readUInt32BE(at + 1);
      if (all.length < end) break;
      messages.push(all.subarray(at + 5, end));
      at = end;
    }
    return messages;
  }
}

function textsOf(headers: object): readonly (readonly [string, string])[] {
  return Object.entries(headers).map(([name, value]) => [name, String(value)]);
}
