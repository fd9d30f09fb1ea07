/** Network addresses as people write them: `host:port`, an IPv6 host in brackets. */

/** A place to listen on or to connect to. */
export interface HostPort {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Undefined when `text` is no `host:port`. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)):(\d{1,5})$/
    .exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) return undefined;
  if (match?.[1] !== undefined && !host.includes(":")) return undefined;
  return { host, port };
}

/** The text that {@link parseHostPort} reads. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An address that means "every interface", which nobody can connect to. */
export function isUnspecified(host: string): boolean {
  return /^0+(?:\.0+){0,3}$/.test(host) || /^[0:]*:[0:]*$/.test(host);
}

/** An address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const bare = host.toLowerCase();
  return bare === "localhost" || bare.endsWith(".localhost") ||
    /^127(?:\.\d{1,3}){3}$/.test(bare) ||
    /^(?:0{1,4}:){7}0{0,3}1$/.test(bare) || /^(?:::|[0:]+:)0{0,3}1$/.test(bare) ||
    /^::ffff:127(?:\.\d{1,3}){3}$/.test(bare);
}

/** Whether a place, `host:port` or the URL of one, can be reached by its own machine alone. */
export function isOnLoopback(place: string): boolean {
  const url = place.includes("://") ? place : `http://${place}`;
  return URL.canParse(url) && isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ""));
}
