/** HTTP/1.1 byte by byte, because fetch would mend what is to be tested. */

import { connect, type Socket } from "node:net";

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** One connection to a server on loopback. */
export class RawConnection {
  readonly #socket: Socket;
  #received = "";
  #ended = false;
  #onChange = (): void => {};

  constructor(port: number) {
    this.#socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.#socket.on("data", (data) => {
      this.#received += data.toString("latin1");
      this.#onChange();
    });
    const end = (): void => {
      this.#ended = true;
      this.#onChange();
    };
    this.#socket.on("end", end);
    this.#socket.on("close", end);
    this.#socket.on("error", end);
  }

  send(data: string | Uint8Array): this {
    this.#socket.write(data);
    return this;
  }

  /** Tells the other side that nothing more will be sent, and goes on listening. */
  end(): this {
    this.#socket.end();
    return this;
  }

  /** Everything received, once `enough` says so or the other side has closed. */
  async until(enough: (received: string) => boolean): Promise<string> {
    while (!enough(this.#received) && !this.#ended) {
      await new Promise<void>((resolve) => this.#onChange = resolve);
    }
    return this.#received;
  }

  /** One answer with its body, as its Content-Length says. */
  async answer(): Promise<RawAnswer> {
    const isWhole = (text: string): boolean => {
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return false;
      const length = Number(/^content-length: ([0-9]+)/im.exec(text.slice(0, end))?.[1] ?? 0);
      return text.length >= end + 4 + length;
    };
    const text = await this.until(isWhole);
    const end = text.indexOf("\r\n\r\n");
    const status = Number(/^HTTP\/1\.[01] ([0-9]{3})/.exec(text)?.[1]);
    return { status, head: text.slice(0, end), body: text.slice(end + 4) };
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Sends one request and reads one answer; the connection is closed afterwards. */
export async function exchangeOn(port: number, request: string | Uint8Array): Promise<RawAnswer> {
  const connection = new RawConnection(port);
  try {
    return await connection.send(request).answer();
  } finally {
    connection.close();
  }
}
