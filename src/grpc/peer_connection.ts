/**
 * One HTTP/2 connection with one stream of frames on it, opened by us. Each attempt to reach a peer
 * gets a new one: the library's own way of finding a lost server again, with its timers and shared
 * connections, is kept out of the way.
 */

import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  Metadata,
} from "@grpc/grpc-js";

/** The largest message between peers, bytes. */
export const frameBytesMax = 24 * 1024 * 1024;

/** How connections between peers are watched and opened again, all in ms. */
export interface PeerTiming {
  /** A frozen or vanished peer is found out within this plus the time-out. */
  readonly keepaliveIntervalMs: number;
  readonly keepaliveTimeoutMs: number;
  /** Pauses before a lost connection is opened again double from here … */
  readonly reconnectBackoffMinMs: number;
  /** … to here. */
  readonly reconnectBackoffMaxMs: number;
}

export const defaultPeerTiming: PeerTiming = {
  keepaliveIntervalMs: 1_000,
  keepaliveTimeoutMs: 500,
  reconnectBackoffMinMs: 50,
  reconnectBackoffMaxMs: 500,
};

/**
 * Of every connection to a peer. Proxies of the environment are for the outside world; nothing is
 * repeated behind our back.
 */
export function peerChannelOptions(timing: PeerTiming): ChannelOptions {
  return {
    "grpc.keepalive_time_ms": timing.keepaliveIntervalMs,
    "grpc.keepalive_timeout_ms": timing.keepaliveTimeoutMs,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.initial_reconnect_backoff_ms": timing.reconnectBackoffMinMs,
    "grpc.max_reconnect_backoff_ms": timing.reconnectBackoffMaxMs,
    "grpc.max_receive_message_length": frameBytesMax,
    "grpc.max_send_message_length": frameBytesMax,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_http_proxy": 0,
    "grpc.enable_retries": 0,
    "grpc.enable_channelz": 0,
    "grpc.service_config_disable_resolution": 1,
  };
}

/** What happens on a connection until it is down or closed. */
export interface PeerConnectionEvents {
  frame(bytes: Uint8Array): void;
  /** The stream is over, for whatever reason but our own `close`. Called at most once, last. */
  down(reason: string): void;
}

/** How long a stream that we ended may take to end on the other side too. */
const closeGraceMs = 500;

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const asBytes = (bytes: Buffer): Uint8Array => bytes;

/** Opens at once; what is written before it stands is kept. */
export class PeerConnection {
  readonly #client: Client;
  readonly #call: ClientDuplexStream<Uint8Array, Uint8Array>;
  readonly #events: PeerConnectionEvents;
  #over = false;
  #closed: (() => void) | undefined;

  constructor(
    target: {
      readonly address: string;
      readonly path: string;
      readonly credentials: ChannelCredentials;
      readonly timing: PeerTiming;
    },
    events: PeerConnectionEvents,
  ) {
    this.#events = events;
    const options = peerChannelOptions(target.timing);
    this.#client = new Client(target.address, target.credentials, options);
    const call = this.#client.makeBidiStreamRequest(
      target.path,
      asBuffer,
      asBytes,
      new Metadata(),
    );
    this.#call = call;
    call.on("data", (bytes: Uint8Array) => {
      if (!this.#over) this.#events.frame(bytes);
    });
    call.on("error", (error: Error) => this.#down(error.message));
    call.on("status", (status: { readonly details: string }) => this.#down(status.details));
    call.on("end", () => this.#down("The peer ended the stream"));
  }

  /** `done` when the bytes have left the library: the sign that there is room for more. */
  write(bytes: Uint8Array, done: () => void): void {
    if (!this.#over) this.#call.write(bytes, () => done());
  }

  /** Ends the stream and the connection; `done` when both are gone. No more events. */
  close(done: () => void = () => {}): void {
    if (this.#over) return done();
    this.#over = true;
    const timer = setTimeout(() => {
      this.#call.cancel();
      finish();
    }, closeGraceMs);
    const finish = (): void => {
      clearTimeout(timer);
      this.#closed = undefined;
      this.#client.close();
      done();
    };
    this.#closed = finish;
    this.#call.end();
  }

  /** Cuts the stream and the connection at once. No more events. */
  cut(): void {
    if (this.#over) return;
    this.#over = true;
    this.#call.cancel();
    this.#client.close();
  }

  #down(reason: string): void {
    this.#closed?.();
    if (this.#over) return;
    this.#over = true;
    this.#call.cancel();
    this.#client.close();
    this.#events.down(reason);
  }
}
