/**
 * There is no authentication, so whoever reaches the port may do everything. A web page reaches it
 * through the browser of somebody on this machine: by a name that it lets point to 127.0.0.1 (DNS
 * rebinding). The Host tells the name, and a page cannot choose it.
 */

import { isLoopback, isUnspecified, parseHostPort } from "../lib/host_port.ts";
import { ServiceError } from "../service/errors.ts";
import { authorityOf } from "./target.ts";

/** The hosts under which requests are served, besides loopback names and addresses. */
export interface ServedHosts {
  /** Names and addresses, without port. */
  readonly names: readonly string[];
  /** Every IP address as well: one that is written out is no name that could be rebound. */
  readonly anyAddress: boolean;
}

/** What a node is addressed by: where it listens, where it says it is, and what is configured. */
export function servedHosts(of: {
  readonly boundHost: string;
  /** `host:port`. */
  readonly advertised: string | undefined;
  readonly configured: readonly string[];
}): ServedHosts {
  const advertisedHost = of.advertised === undefined
    ? undefined
    : parseHostPort(of.advertised)?.host;
  const own = advertisedHost === undefined ? [of.boundHost] : [of.boundHost, advertisedHost];
  return { names: [...own, ...of.configured], anyAddress: isUnspecified(of.boundHost) };
}

/** Refuses requests that name another host with `wrong_host`. */
export class HostGuard {
  readonly #names: ReadonlySet<string>;
  readonly #anyAddress: boolean;
  /** Authorities that passed, so that the common request costs one look-up. */
  readonly #passed = new Set<string>();

  constructor({ names, anyAddress }: ServedHosts) {
    this.#names = new Set(names.map((name) => hostName(bracketed(name))));
    this.#anyAddress = anyAddress;
  }

  check(request: Request): void {
    const authority = authorityOf(request.url);
    // Only a request of HTTP/1.0 names no host, and no browser sends one.
    if (authority !== "") this.#checkAuthority(authority);
    const host = request.headers.get("Host");
    if (host !== null) this.#checkAuthority(host);
  }

  #checkAuthority(authority: string): void {
    if (this.#passed.has(authority)) return;
    const name = hostName(authority);
    if (!this.#serves(name)) {
      throw new ServiceError(
        "wrong_host",
        `The host is "${authority.slice(0, 200)}", allowed are loopback names and addresses, ` +
          "this node's own address, and the names in security.http_hosts",
      );
    }
    if (this.#passed.size < passedMax) this.#passed.add(authority);
  }

  #serves(name: string): boolean {
    if (isLoopback(name.replace(/^\[(.*)\]$/, "$1")) || this.#names.has(name)) return true;
    return this.#anyAddress && /^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9a-f:.]+\])$/.test(name);
  }
}

const passedMax = 64;

/** An IPv6 address as a Host writes it. */
function bracketed(name: string): string {
  return /^[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*$/.test(name) ? `[${name}]` : name;
}

/** Without the port and a final dot, in lower case; the brackets of an IPv6 address stay. */
export function hostName(authority: string): string {
  const withoutPort = authority.replace(/:[0-9]*$/, "");
  return withoutPort.replace(/\.$/, "").toLowerCase();
}
