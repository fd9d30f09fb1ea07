/**
 * A watch over a bare socket, cheap enough that a process can have ten thousand of them:
 * server-sent events out of a chunked body, of which only the revisions are kept.
 */

import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";

const lineEnd = 0x0a;

/** The bytes of a chunked body (RFC 9112, §7.1), as they come. */
class Chunks {
  readonly #onBytes: (bytes: Buffer) => void;
  #line = "";
  /** Of the chunk under way; its two bytes at the end are counted apart. */
  #left = 0;
  #closing = 0;

  constructor(onBytes: (bytes: Buffer) => void) {
    this.#onBytes = onBytes;
  }

  push(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#left > 0) {
        const end = Math.min(bytes.length, at + this.#left);
        this.#onBytes(bytes.subarray(at, end));
        this.#left -= end - at;
        at = end;
      } else if (this.#closing > 0) {
        this.#closing--;
        at++;
      } else {
        const end = bytes.indexOf(lineEnd, at);
        this.#line += bytes.toString("latin1", at, end < 0 ? bytes.length : end);
        if (end < 0) return;
        const size = Number.parseInt(this.#line, 16);
        if (!Number.isSafeInteger(size)) throw new Error(`No size of a chunk: ${this.#line}`);
        [this.#line, this.#left, this.#closing] = ["", size, 2];
        at = end + 1;
      }
    }
  }
}

/** What happens on a watch. */
export interface RawWatchEvents {
  /** The server has said where it begins. */
  ready(): void;
  /** The stream is over: `undefined` behind the change of `lastKey`, else what went wrong. */
  over(failure: string | undefined): void;
}

/** Reads until the change of a key that is written last. */
export class RawWatch {
  readonly revisions: number[] = [];
  /** Behind which a watch goes on that takes the place of this one. */
  last = 0;
  readonly #socket: Socket;
  readonly #events: RawWatchEvents;
  readonly #lastKey: string;
  readonly #chunks = new Chunks((bytes) => this.#body(bytes));
  #head = "";
  #hasHead = false;
  #rest = "";
  #isOver = false;

  constructor(
    at: { readonly port: number; readonly target: string; readonly lastKey: string },
    events: RawWatchEvents,
  ) {
    this.#events = events;
    this.#lastKey = `"key":"${at.lastKey}"`;
    this.#socket = connect({ port: at.port, host: "127.0.0.1" });
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (bytes: Buffer) => this.#take(bytes));
    this.#socket.on("error", (error) => this.#end(error.message));
    this.#socket.on("close", () => this.#end("The connection was closed"));
    this.#socket.write(`GET ${at.target} HTTP/1.1\r\nHost: 127.0.0.1:${at.port}\r\n\r\n`);
  }

  /** How many bytes were read. */
  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  /** Reads nothing any more, so that what the server sends stays where it is. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  #take(bytes: Buffer): void {
    if (this.#isOver) return;
    if (this.#hasHead) return this.#chunks.push(bytes);
    this.#head += bytes.toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return;
    this.#hasHead = true;
    if (!this.#head.startsWith("HTTP/1.1 200 ")) return this.#end(this.#head);
    if (!/^transfer-encoding: chunked/im.test(this.#head)) return this.#end(this.#head);
    this.#chunks.push(Buffer.from(this.#head.slice(end + 4), "latin1"));
    this.#head = "";
  }

  #body(bytes: Buffer): void {
    this.#rest += bytes.toString("latin1");
    let at = 0;
    for (let end; (end = this.#rest.indexOf("\n\n", at)) >= 0; at = end + 2) this.#frame(at, end);
    if (at > 0) this.#rest = this.#rest.slice(at);
  }

  #frame(start: number, end: number): void {
    const text = this.#rest;
    if (text.startsWith("event: change\nid: ", start)) {
      this.last = Number.parseInt(text.slice(start + 18, start + 34), 10);
      this.revisions.push(this.last);
      const at = text.indexOf(this.#lastKey, start);
      if (at >= 0 && at < end) this.#end(undefined);
    } else if (text.startsWith("event: ready\nid: ", start)) {
      this.last = Number.parseInt(text.slice(start + 17, start + 33), 10);
      this.#events.ready();
    } else if (!/^(?:retry|:|event: (?:progress|lagging))/.test(text.slice(start, start + 20))) {
      this.#end(text.slice(start, Math.min(end, start + 200)));
    }
  }

  #end(failure: string | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#socket.destroy();
    this.#rest = "";
    this.#events.over(failure);
  }
}
