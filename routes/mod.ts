/** All routes of the interface. */

import { buildDocument, type OpenApiDocument } from "../src/http/openapi.ts";
import type { Route } from "../src/http/route.ts";
import { clusterRoutes } from "./cluster.ts";
import { compactionRoutes } from "./compactions.ts";
import { docsRoutes } from "./docs.ts";
import { healthRoutes } from "./health.ts";
import { historyRoutes } from "./history.ts";
import { kvRoutes } from "./kv.ts";
import { kvRangeRoutes } from "./kv_range.ts";
import { electionRoutes } from "./elections.ts";
import { leaseRoutes } from "./leases.ts";
import { logCompactionRoutes } from "./log_compactions.ts";
import { lockRoutes } from "./locks.ts";
import { memberRoutes } from "./members.ts";
import { snapshotRoutes } from "./snapshot.ts";
import { txnRoutes } from "./txn.ts";
import { watchRoutes } from "./watch.ts";

/** `version` is the program's, as the document tells it. */
export function allRoutes(version: string): readonly Route[] {
  const routes: Route[] = [
    ...kvRangeRoutes,
    ...kvRoutes,
    ...historyRoutes,
    ...txnRoutes,
    ...leaseRoutes,
    ...lockRoutes,
    ...electionRoutes,
    ...watchRoutes,
    ...compactionRoutes,
    ...logCompactionRoutes,
    ...snapshotRoutes,
    ...clusterRoutes,
    ...memberRoutes,
    ...healthRoutes,
  ];
  let document: OpenApiDocument | undefined;
  routes.push(...docsRoutes(() => document ??= buildDocument(routes, version)));
  return routes;
}
