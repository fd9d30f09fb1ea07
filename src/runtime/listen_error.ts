/** Listen errors, told in the same words on both runtimes. */

import { formatHostPort, type HostPort } from "../lib/host_port.ts";

/** Thrown when a listener cannot be opened; the message names the address and the reason. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly inUse: boolean;

  constructor(at: HostPort, cause: unknown) {
    const inUse = saysInUse(cause);
    const reason = inUse ? "the address is in use" : causeText(cause);
    super(`Cannot listen on ${formatHostPort(at)}: ${reason}`, { cause });
    this.inUse = inUse;
  }
}

function saysInUse(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  return cause.name === "AddrInUse" || ("code" in cause && cause.code === "EADDRINUSE");
}

function causeText(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
