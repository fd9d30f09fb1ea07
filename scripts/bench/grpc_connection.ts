/**
 * Unary gRPC calls over HTTP/2 on a bare socket. A call is a copy of bytes made before, with its
 * stream number written in; calls of one turn leave in one write. It costs a tenth of what a gRPC
 * library does, so that on a small machine the servers get the processor.
 */

import type { Socket } from "node:net";
import { concatBytes, emptyBytes } from "../../src/lib/bytes.ts";
import type { Connection, ConnectionEvents } from "./connection.ts";
import {
  callHeaders,
  decodeSettings,
  encodeFrame,
  encodeSettings,
  encodeWindowUpdate,
  flagAck,
  flagEndHeaders,
  flagEndStream,
  type Frame,
  FrameReader,
  frameType,
  preface,
  setStream,
  settingId,
  uint32At,
  windowDefaultBytes,
} from "./http2_frames.ts";
import type { Address } from "./measurement.ts";
import { openSocket } from "./socket.ts";

export interface GrpcConnectionOptions {
  readonly target: Address;
  readonly path: string;
  /** Protobuf messages, by the number of the call. */
  readonly messages: readonly Uint8Array[];
  readonly isGood: (message: Uint8Array) => boolean;
}

/** What the server may send without being granted more, for the connection and for each stream. */
const receiveWindowBytes = 2 ** 20;
const streamWindowBytes = 2 ** 18;
const grpcHeadBytes = 5;

interface OpenCall {
  readonly client: number;
  message: Uint8Array;
}

export async function connectGrpc(
  options: GrpcConnectionOptions,
  events: ConnectionEvents,
): Promise<Connection> {
  return new GrpcConnection(await openSocket(options.target), options, events);
}

class GrpcConnection implements Connection {
  readonly #socket: Socket;
  readonly #options: GrpcConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #headers: { readonly first: Uint8Array; readonly later: Uint8Array };
  readonly #calls = new Map<number, OpenCall>();
  readonly #outgoing: Uint8Array[] = [];
  #nextStream = 1;
  #ungranted = 0;
  /** What the server lets us send in DATA frames over all streams. */
  #sendWindow = windowDefaultBytes;
  /** Calls that wait for the window. */
  #held: { readonly client: number; readonly call: number }[] = [];

  constructor(socket: Socket, options: GrpcConnectionOptions, events: ConnectionEvents) {
    this.#socket = socket;
    this.#options = options;
    this.#events = events;
    const { host, port } = options.target;
    this.#headers = callHeaders(options.path, `${host}:${port}`);
    const frames = new FrameReader((frame) => this.#take(frame));
    socket.on("data", (chunk) => {
      frames.push(chunk);
      this.flush();
    });
    socket.on("error", (error) => this.#failAll(error.message));
    socket.on("close", () => this.#failAll("The server closed the connection"));
    this.#outgoing.push(
      preface,
      encodeSettings(
        new Map([[settingId.enablePush, 0], [settingId.initialWindowSize, streamWindowBytes]]),
      ),
      encodeWindowUpdate(receiveWindowBytes - windowDefaultBytes),
    );
  }

  send(client: number, call: number): void {
    if (this.#socket.destroyed) {
      queueMicrotask(() => this.#events.answered(client, "The connection is closed"));
      return;
    }
    const message = this.#options.messages[call]!;
    const bytes = grpcHeadBytes + message.length;
    if (bytes > this.#sendWindow) {
      this.#held.push({ client, call });
      return;
    }
    this.#sendWindow -= bytes;
    const headers = this.#nextStream === 1 ? this.#headers.first : this.#headers.later;
    this.#calls.set(this.#nextStream, { client, message: emptyBytes });
    this.#outgoing.push(encodeCall(headers, message, this.#nextStream));
    this.#nextStream += 2;
  }

  flush(): void {
    if (this.#outgoing.length === 0) return;
    this.#socket.write(concatBytes(this.#outgoing));
    this.#outgoing.length = 0;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case frameType.data:
        this.#takeData(frame);
        break;
      case frameType.resetStream:
        return this.#end(frame.stream, `The stream was reset: ${uint32At(frame.payload, 0)}`);
      case frameType.settings:
        return this.#takeSettings(frame);
      case frameType.ping:
        if ((frame.flags & flagAck) === 0) {
          this.#outgoing.push(encodeFrame({ ...frame, flags: flagAck }));
        }
        return;
      case frameType.goAway:
        return this.#failAll("The server sent GOAWAY");
      case frameType.windowUpdate:
        if (frame.stream === 0) this.#widen(uint32At(frame.payload, 0));
        return;
    }
    const ends = frame.type === frameType.data || frame.type === frameType.headers;
    if (ends && (frame.flags & flagEndStream) !== 0) this.#judge(frame.stream);
  }

  #takeData({ stream, payload, length }: Frame): void {
    const call = this.#calls.get(stream);
    if (call !== undefined) {
      call.message = call.message.length === 0 ? payload : concatBytes([call.message, payload]);
    }
    this.#ungranted += length;
    if (this.#ungranted < receiveWindowBytes / 2) return;
    this.#outgoing.push(encodeWindowUpdate(this.#ungranted));
    this.#ungranted = 0;
  }

  #takeSettings(frame: Frame): void {
    if ((frame.flags & flagAck) !== 0) return;
    const settings = decodeSettings(frame.payload);
    const tableBytes = settings.get(settingId.headerTableSize) ?? Infinity;
    const streamBytes = settings.get(settingId.initialWindowSize) ?? Infinity;
    const callBytesMax = Math.max(...this.#options.messages.map(({ length }) => length)) + 5;
    if (tableBytes < 1_024 || streamBytes < callBytesMax) {
      return this.#failAll("The server's settings leave too little room for a call");
    }
    const payload = emptyBytes;
    this.#outgoing.push(encodeFrame({ type: frameType.settings, flags: flagAck, payload }));
  }

  #widen(bytes: number): void {
    this.#sendWindow += bytes;
    const held = this.#held;
    this.#held = [];
    for (const { client, call } of held) this.send(client, call);
  }

  /** A server that refuses a call ends its stream without a message. */
  #judge(stream: number): void {
    const received = this.#calls.get(stream)?.message ?? emptyBytes;
    const whole = received.length >= grpcHeadBytes && received[0] === 0 &&
      uint32At(received, 1) === received.length - grpcHeadBytes;
    if (!whole) return this.#end(stream, "The call ended without a message");
    const good = this.#options.isGood(received.subarray(grpcHeadBytes));
    this.#end(stream, good ? undefined : "The message tells of an error");
  }

  #end(stream: number, failure: string | undefined): void {
    const call = this.#calls.get(stream);
    if (call === undefined) return;
    this.#calls.delete(stream);
    this.#events.answered(call.client, failure);
  }

  #failAll(reason: string): void {
    this.#socket.destroy();
    const clients = [...this.#calls.values(), ...this.#held].map(({ client }) => client);
    this.#calls.clear();
    this.#held = [];
    for (const client of clients) this.#events.answered(client, reason);
  }
}

/** HEADERS and DATA of one call, which ends its half of the stream. */
function encodeCall(headers: Uint8Array, message: Uint8Array, stream: number): Uint8Array {
  const frameHeadBytes = 9;
  const dataAt = frameHeadBytes + headers.length;
  const dataBytes = grpcHeadBytes + message.length;
  const bytes = new Uint8Array(dataAt + frameHeadBytes + dataBytes);
  writeHead(bytes, 0, { type: frameType.headers, flags: flagEndHeaders, length: headers.length });
  setStream(bytes, 0, stream);
  bytes.set(headers, frameHeadBytes);
  writeHead(bytes, dataAt, { type: frameType.data, flags: flagEndStream, length: dataBytes });
  setStream(bytes, dataAt, stream);
  const lengthAt = dataAt + frameHeadBytes + 1;
  bytes[lengthAt] = message.length >>> 24;
  bytes[lengthAt + 1] = message.length >>> 16;
  bytes[lengthAt + 2] = message.length >>> 8;
  bytes[lengthAt + 3] = message.length;
  bytes.set(message, lengthAt + 4);
  return bytes;
}

function writeHead(
  bytes: Uint8Array,
  at: number,
  head: { readonly type: number; readonly flags: number; readonly length: number },
): void {
  bytes[at] = head.length >>> 16;
  bytes[at + 1] = head.length >>> 8;
  bytes[at + 2] = head.length;
  bytes[at + 3] = head.type;
  bytes[at + 4] = head.flags;
}
