/** A TCP server that speaks just enough HTTP to misbehave: it breaks connections on purpose. */

import { createServer, type Server, type Socket } from "node:net";
import { setImmediate } from "node:timers";

export interface RawServer {
  readonly url: string;
  /** `METHOD /path` of every request, in order of arrival. */
  readonly seen: string[];
  close(): void;
}

/** What becomes of a request: answered on a kept connection, or cut off without an answer. */
export type RawReply = "answer" | "cut" | "hang";

export function startRawServer(reply: (request: string) => RawReply): Promise<RawServer> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk) => {
      for (const match of chunk.toString().matchAll(/^([A-Z]+) (\/[^ ?]*)[^ ]* HTTP\/1\.1\r$/gm)) {
        const request = `${match[1]} ${match[2]}`;
        seen.push(request);
        const kind = reply(request);
        // After the request has arrived in full, its chunked body included.
        setImmediate(() => setImmediate(() => act(socket, kind)));
      }
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      resolve({
        url: `http://127.0.0.1:${port}`,
        seen,
        close: () => {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}

function act(socket: Socket, kind: RawReply): void {
  if (kind === "cut") socket.destroy();
  if (kind !== "answer") return;
  const body = '{"revision":2,"create":2,"version":1,"deleted":1,"leader":1}';
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}
