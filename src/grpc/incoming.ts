/**
 * What grpc-js keeps to itself of a call that arrives, and a limit of memory needs: the bytes of
 * its message while they come, and whether that message is compressed. Nothing else reaches into
 * the library; its version is pinned, and a call on another one fails loudly.
 */

import { Duplex } from "node:stream";
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { onSent } from "./sent_frames.ts";

/** The arriving side of one call. */
export interface Incoming {
  /** Told of every piece, before the message that it completes is handed on. */
  onPiece(handler: (piece: Uint8Array) => void): void;
  /** How messages with the mark of compression are compressed: `identity`, `gzip`, … */
  readonly encoding: string;
  /** The library inflates nothing of this call any more: messages come as they were sent. */
  inflateNothing(): void;
  /** The library refuses messages with the mark of compression. */
  refuseCompressed(): void;
  /** Drops what has come of a message, and tells the client to send no more. */
  abandon(): void;
  /** Ends the call in both directions, and drops what has not left yet. */
  cut(): void;
  /**
   * Told of the bytes of the answer as they leave; the returned function ends that. Undefined where
   * writes themselves tell.
   */
  onSent(handler: (bytes: number) => void): (() => void) | undefined;
  /** The call has ended in both directions, and nothing of it is in memory. */
  readonly isClosed: boolean;
  /** Called once when it has. */
  onClosed(handler: () => void): void;
}

/** For an interceptor that stands alone, so that `call` is the library's own. */
export function incomingOf(call: ServerInterceptingCallInterface): Incoming {
  const stream: unknown = Reflect.get(call, "stream");
  const encoding: unknown = Reflect.get(call, "incomingEncoding");
  if (!(stream instanceof Duplex) || typeof encoding !== "string") {
    throw new Error("A call of grpc-js has no stream and no incomingEncoding any more");
  }
  return {
    encoding,
    onPiece: (handler) => {
      stream.on("data", handler);
    },
    inflateNothing: () => {
      Reflect.set(call, "incomingEncoding", "identity");
    },
    refuseCompressed: () => {
      Reflect.set(call, "incomingEncoding", `${encoding} on a stream`);
    },
    abandon: () => {
      // The half message stays in the decoder for as long as the client leaves its half open.
      Reflect.set(call, "decoder", undefined);
    },
    cut: () => {
      stream.destroy();
    },
    onSent: (handler) => onSent(stream, handler),
    get isClosed() {
      return stream.closed || stream.destroyed;
    },
    onClosed: (handler) => {
      stream.once("close", handler);
    },
  };
}
