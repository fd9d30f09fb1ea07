/** What every request passes before its handler: who may ask at all, and how many at once. */

import { ServiceError } from "../service/errors.ts";
import type { Call } from "./call.ts";
import { problemResponse } from "./errors.ts";
import type { HttpServices } from "./services.ts";
import { authorityOf } from "./target.ts";

/** The one way in. */
export interface Door {
  /** Runs `handle` for a request that may come in; every failure becomes a problem document. */
  pass(call: Call, handle: (call: Call) => Promise<Response> | Response): Promise<Response>;
}

/** One per application: it counts the requests under way. */
export function createDoor(services: HttpServices): Door {
  const hosts = new HostGuard(services.hosts);
  const max = services.limits.waitingRequestsMax;
  let waiting = 0;
  return {
    async pass(call, handle) {
      try {
        hosts.check(call.request);
        refuseWebPages(call);
        // Probes are answered however busy the node is.
        if (!call.path.startsWith("/v1/")) return await handle(call);
        if (waiting >= max) throw overloaded(max);
        waiting += 1;
        try {
          return await handle(call);
        } finally {
          waiting -= 1;
        }
      } catch (error) {
        return problemResponse(call, error);
      } finally {
        call.memory.release();
      }
    },
  };
}

function overloaded(max: number): ServiceError {
  return new ServiceError("overloaded", `${max} requests are waiting already, which is the limit`, {
    retryable: true,
    retryAfterMs: 1000,
  });
}

/**
 * There is no authentication, so whoever reaches the port may do everything. A web page reaches it
 * through the browser of somebody on this machine: by a name that it lets point to 127.0.0.1 (DNS
 * rebinding), which the Host tells, or by a cross-site request, which Sec-Fetch-Site tells.
 */
class HostGuard {
  readonly #names: ReadonlySet<string>;
  /** Authorities that passed, so that the common request costs one look-up. */
  readonly #passed = new Set<string>();

  constructor(names: readonly string[]) {
    this.#names = new Set(names.map((name) => name.toLowerCase()));
  }

  check(request: Request): void {
    this.#checkAuthority(authorityOf(request.url));
    const host = request.headers.get("Host");
    if (host !== null) this.#checkAuthority(host);
  }

  #checkAuthority(authority: string): void {
    // Only a request of HTTP/1.0 names no host, and no browser sends one.
    if (authority === "" || this.#passed.has(authority)) return;
    const name = hostName(authority);
    if (!isLoopback(name) && !this.#names.has(name)) {
      throw new ServiceError(
        "wrong_host",
        `The host is "${authority.slice(0, 200)}", allowed are loopback names and addresses, ` +
          "and the names in http_hosts",
      );
    }
    if (this.#passed.size < passedMax) this.#passed.add(authority);
  }
}

const passedMax = 64;

/** Without the port and a final dot, in lower case; the brackets of an IPv6 address stay. */
export function hostName(authority: string): string {
  const withoutPort = authority.replace(/:[0-9]*$/, "");
  return withoutPort.replace(/\.$/, "").toLowerCase();
}

/** `name` as {@link hostName} gives it. */
export function isLoopback(name: string): boolean {
  return name === "localhost" || name.endsWith(".localhost") || name === "[::1]" ||
    /^127(\.[0-9]{1,3}){3}$/.test(name);
}

function refuseWebPages(call: Call): void {
  if (!call.isWrite) return;
  const site = call.request.headers.get("Sec-Fetch-Site");
  if (site === null || site === "none" || site === "same-origin") return;
  throw new ServiceError(
    "forbidden",
    `Sec-Fetch-Site is "${site}": a page of another site may not change anything here`,
  );
}
