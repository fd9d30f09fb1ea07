/**
 * The HTTP application: hono finds the route, the door lets the request in, the route answers, and
 * whatever is thrown on the way becomes a problem document.
 */

import { Hono } from "hono";
import type { HttpConnection } from "../runtime/mod.ts";
import { ServiceError } from "../service/errors.ts";
import { Call } from "./call.ts";
import { isLaterPath } from "./later_routes.ts";
import { createDoor } from "./middleware.ts";
import type { Route } from "./route.ts";
import type { HttpServices } from "./services.ts";
import { rawTarget } from "./target.ts";

/** What `app.fetch` takes beside the request. */
export interface HttpBindings {
  /** Without a connection the answer counts as taken when it is given. */
  readonly Bindings: { readonly connection?: HttpConnection };
}

/** `app.fetch` answers a Request; `app.request` does so for tests, without a socket. */
export function createHttpApp(
  routes: readonly Route[],
  services: HttpServices,
): Hono<HttpBindings> {
  // The path is matched as it came: decoding it first would split keys at their encoded slashes.
  const app = new Hono<HttpBindings>({
    strict: true,
    getPath: (request) => rawTarget(request.url).path,
  });
  const door = createDoor(services);
  const paths = new PathTable();
  for (const route of routes) {
    paths.add(route.path, route.method);
    for (const path of routingPaths(route.path)) {
      // hono answers HEAD by the handler of GET.
      app.on(route.method.toUpperCase(), path, ({ req, env }) => {
        return door.pass(new Call(req.raw, services), env.connection, route.serve);
      });
    }
  }
  app.notFound(({ req, env }) => {
    const call = new Call(req.raw, services);
    return door.pass(call, env.connection, () => {
      throw paths.refuse(call);
    });
  });
  return app;
}

/**
 * From the document's path to hono's. A key takes the rest of the path, slashes included; the path
 * with an empty key is routed as well, so that it is refused as such.
 */
export function routingPaths(documentPath: string): readonly string[] {
  const match = /^(.*\/)\{(key|key64)\}$/.exec(documentPath);
  if (match === null) return [documentPath.replaceAll(/\{([a-z]+)\}/g, ":$1")];
  const [, before, name] = match;
  return [`${before}:${name}{.+}`, `${before}`];
}

/** One path of the document, and what it is asked with. */
interface KnownPath {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/** Which methods a path takes: for the difference between 404 and 405. */
class PathTable {
  readonly #paths = new Map<string, KnownPath>();

  add(documentPath: string, method: string): void {
    const known = this.#paths.get(documentPath) ??
      { pattern: patternOf(documentPath), methods: new Set() };
    known.methods.add(method.toUpperCase());
    if (method === "get") known.methods.add("HEAD");
    this.#paths.set(documentPath, known);
  }

  refuse(call: Call): ServiceError {
    const methods = this.#methodsOf(call.path);
    const shown = call.path.slice(0, 200);
    if (methods === undefined) {
      const why = isLaterPath(call.path)
        ? "is not available in this version"
        : "is not a path here";
      return new ServiceError("route_not_found", `${shown} ${why}, see /docs`);
    }
    const allow = [...methods].join(", ");
    call.extraHeaders["Allow"] = allow;
    const detail = `${call.request.method} is not allowed on ${shown}, allowed are ${allow}`;
    return new ServiceError("method_not_allowed", detail);
  }

  #methodsOf(path: string): ReadonlySet<string> | undefined {
    const exact = this.#paths.get(path);
    if (exact !== undefined) return exact.methods;
    for (const { pattern, methods } of this.#paths.values()) {
      if (pattern.test(path)) return methods;
    }
    return undefined;
  }
}

/** A key is all that is left, and may be empty; any other parameter is one segment. */
function patternOf(documentPath: string): RegExp {
  const source = documentPath.replaceAll(".", "\\.")
    .replace(/\{key(64)?\}$/, ".*")
    .replaceAll(/\{[a-z]+\}/g, "[^/]+");
  return new RegExp(`^${source}$`, "s");
}
