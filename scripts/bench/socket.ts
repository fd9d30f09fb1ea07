/** A TCP connection, opened. */

import { connect, type Socket } from "node:net";
import type { Address } from "./measurement.ts";

export function openSocket({ host, port }: Address): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}
