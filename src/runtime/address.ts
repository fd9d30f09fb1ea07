/** Addresses and listen errors, told in the same words on both runtimes. */

/** `host:port`, an IPv6 host in brackets. */
export function joinHostPort(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Thrown when a listener cannot be opened; the message names the address and the reason. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly inUse: boolean;

  constructor(at: { readonly hostname: string; readonly port: number }, cause: unknown) {
    const inUse = saysInUse(cause);
    const reason = inUse ? "the address is in use" : causeText(cause);
    super(`Cannot listen on ${joinHostPort(at.hostname, at.port)}: ${reason}`, { cause });
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
