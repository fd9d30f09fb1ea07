/**
 * The lines between the nodes of a cluster of real processes, so that they can be cut: each node
 * tells the others an address at which a relay listens. A relay finds out which process a
 * connection comes from by the tables of the kernel, which only Linux has in this form.
 */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { NodeProcess } from "./processes.ts";

interface Line {
  /** Asked of the kernel while there is a cut: that is slow. */
  from: NodeProcess | undefined;
  readonly fromPort: number;
  readonly to: NodeProcess;
  readonly sockets: readonly Socket[];
}

export class PeerLines {
  readonly #nodes: readonly NodeProcess[];
  readonly #lines = new Set<Line>();
  readonly #servers: Server[] = [];
  #island: readonly NodeProcess[] = [];

  constructor(nodes: readonly NodeProcess[]) {
    this.#nodes = nodes;
  }

  /** Where each node has to be reached, in their order. */
  async open(): Promise<readonly string[]> {
    const ports = await Promise.all(this.#nodes.map((node) => this.#relayTo(node)));
    return ports.map((port) => `127.0.0.1:${port}`);
  }

  /** Nobody reaches these nodes from outside, nor they anybody there. */
  isolate(island: readonly NodeProcess[]): void {
    this.#island = island;
    for (const line of this.#lines) if (this.#isCut(line)) this.#end(line);
  }

  heal(): void {
    this.#island = [];
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const line of this.#lines) this.#end(line);
  }

  #relayTo(node: NodeProcess): Promise<number> {
    const server = createServer((socket) => this.#accept(socket, node));
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.on("error", reject);
      server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  }

  #accept(socket: Socket, to: NodeProcess): void {
    const [host = "", port = ""] = to.rpcAddress.split(":");
    const onward = connect(Number(port), host);
    const fromPort = socket.remotePort ?? 0;
    const line: Line = { from: undefined, fromPort, to, sockets: [socket, onward] };
    this.#lines.add(line);
    for (const each of line.sockets) {
      each.on("error", () => this.#end(line));
      each.on("close", () => this.#end(line));
    }
    if (this.#isCut(line)) return this.#end(line);
    socket.pipe(onward);
    onward.pipe(socket);
  }

  #isCut(line: Line): boolean {
    if (this.#island.length === 0) return false;
    line.from ??= this.#ownerOf(line.fromPort);
    const isInside = line.from !== undefined && this.#island.includes(line.from);
    return isInside !== this.#island.includes(line.to);
  }

  #end(line: Line): void {
    if (!this.#lines.delete(line)) return;
    for (const socket of line.sockets) socket.destroy();
  }

  /** Whose socket is bound to this port. */
  #ownerOf(port: number): NodeProcess | undefined {
    const inode = inodeOf(port);
    if (inode === undefined) return undefined;
    return this.#nodes.find(({ pid }) => pid !== undefined && holds(pid, `socket:[${inode}]`));
  }
}

function inodeOf(port: number): string | undefined {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const row of readFileSync(table, "utf8").split("\n").slice(1)) {
      const columns = row.trim().split(/\s+/);
      if (columns[1]?.endsWith(local) && columns[9] !== "0") return columns[9];
    }
  }
  return undefined;
}

function holds(pid: number, name: string): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((fd) => linkOf(`${folder}/${fd}`) === name);
  } catch {
    // The process has ended.
    return false;
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
