/** All routes of the interface. */

import { buildDocument, type OpenApiDocument } from "../src/http/openapi.ts";
import type { Route } from "../src/http/route.ts";
import { clusterRoutes } from "./cluster.ts";
import { docsRoutes } from "./docs.ts";
import { healthRoutes } from "./health.ts";
import { kvRoutes } from "./kv.ts";
import { kvRangeRoutes } from "./kv_range.ts";

/** `version` is the program's, as the document tells it. */
export function allRoutes(version: string): readonly Route[] {
  const routes: Route[] = [...kvRangeRoutes, ...kvRoutes, ...clusterRoutes, ...healthRoutes];
  let document: OpenApiDocument | undefined;
  routes.push(...docsRoutes(() => document ??= buildDocument(routes, version)));
  return routes;
}
