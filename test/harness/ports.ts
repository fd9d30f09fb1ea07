/**
 * Ports for programs under test. They lie below those that the system gives to connections, which
 * would take the port of a node that is down for a moment; and they are one test process's own
 * until it ends, so that suites may run beside each other.
 */

import { createServer, type Server } from "node:net";
import { until } from "./wait.ts";

const portFirst = 12_000;
const windowPorts = 64;
const windows = 300;

/** One listener a window: where it is taken, the window is another process's. */
const signs: Server[] = [];

/** `count` ports, at most 63, on which nobody listens. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const base = await reserve(Array.from({ length: count }, (_, at) => at));
  return Array.from({ length: count }, (_, at) => base + at);
}

/** A base port for `skein dev` with so many nodes, at most six. */
export function freeBasePort(nodes = 3): Promise<number> {
  return reserve(Array.from({ length: nodes }, (_, at) => [10 * at, 10 * at + 1]).flat());
}

/** Whether anybody can listen there. */
export async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === undefined) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/** Takes a window in which the ports at these offsets are free; resolves with its first port. */
async function reserve(offsets: readonly number[]): Promise<number> {
  return await until(async () => {
    const base = portFirst + windowPorts * Math.floor(Math.random() * windows);
    const sign = await listen(base + windowPorts - 1);
    if (sign === undefined) return undefined;
    signs.push(sign);
    const free = await Promise.all(offsets.map((offset) => isFree(base + offset)));
    return free.every((each) => each) ? base : undefined;
  }, { what: "free ports" });
}

/** Listens for nobody, and keeps no process alive; undefined where the port is taken. */
function listen(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => {
      server.unref();
      resolve(server);
    });
  });
}
