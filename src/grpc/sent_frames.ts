/**
 * How much of an answer has left for its client, on Deno. There a write to an HTTP/2 stream counts
 * as done as soon as it is handed over, however little the client takes (2.9.3; mended by
 * denoland/deno#36044), and what waits below cannot be asked for. So the frames are counted on
 * their way to the socket. Elsewhere a write is done when it has left, and nothing is counted here.
 *
 * It reaches into Deno's own HTTP/2; its version is pinned, and another one fails loudly.
 */

import { Duplex } from "node:stream";

/** RFC 9113, §4.1 and §6.1. */
const frameHeadBytes = 9;
const dataFrame = 0;

type Handler = (bytes: number) => void;

const sessions = new WeakMap<object, SentFrames>();

/**
 * `handler` is told of the bytes of DATA frames of `stream` as they leave; the returned function
 * ends that. Undefined where writes themselves tell.
 */
export function onSent(stream: Duplex, handler: Handler): (() => void) | undefined {
  const id: unknown = Reflect.get(stream, "id");
  const session: unknown = Reflect.get(stream, "session");
  if (typeof id !== "number" || typeof session !== "object" || session === null) return undefined;
  let frames = sessions.get(session);
  if (frames === undefined) {
    const socket = socketOf(session);
    if (socket === undefined) return undefined;
    sessions.set(session, frames = new SentFrames(socket));
  }
  return frames.follow(id, handler);
}

function socketOf(session: object): Duplex | undefined {
  const handle = hidden(session, "kHandle");
  const isDeno = typeof handle === "object" && handle !== null && "getOutgoingChunk" in handle;
  if (!isDeno) return undefined;
  const socket = hidden(session, "socket");
  if (socket instanceof Duplex) return socket;
  throw new Error("A session of HTTP/2 has no socket any more");
}

function hidden(from: object, name: string): unknown {
  const key = Reflect.ownKeys(from).find((each) =>
    typeof each === "symbol" && each.description === name
  );
  return key === undefined ? undefined : Reflect.get(from, key);
}

/** The frames of one connection. It begins between two of them. */
class SentFrames {
  readonly #handlers = new Map<number, Handler>();
  readonly #head = new Uint8Array(frameHeadBytes);
  #headBytes = 0;
  #payloadBytes = 0;
  /** Whose payload is on its way. */
  #handler: Handler | undefined;

  constructor(socket: Duplex) {
    const write: unknown = Reflect.get(socket, "write");
    if (typeof write !== "function") throw new Error("A socket has no write");
    Reflect.set(socket, "write", (...given: readonly unknown[]): unknown => {
      const result: unknown = Reflect.apply(write, socket, given);
      const [chunk] = given;
      if (chunk instanceof Uint8Array) this.#count(chunk);
      return result;
    });
  }

  follow(id: number, handler: Handler): () => void {
    this.#handlers.set(id, handler);
    return () => this.#handlers.delete(id);
  }

  #count(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#payloadBytes === 0) {
        this.#head[this.#headBytes++] = chunk[at++]!;
        if (this.#headBytes === frameHeadBytes) this.#begin();
      } else {
        const bytes = Math.min(this.#payloadBytes, chunk.length - at);
        at += bytes;
        this.#payloadBytes -= bytes;
        this.#handler?.(bytes);
      }
    }
  }

  #begin(): void {
    this.#headBytes = 0;
    const head = new DataView(this.#head.buffer);
    this.#payloadBytes = head.getUint32(0) >>> 8;
    const isData = head.getUint8(3) === dataFrame;
    this.#handler = isData ? this.#handlers.get(head.getUint32(5) & 0x7fff_ffff) : undefined;
  }
}
