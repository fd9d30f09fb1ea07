/** The cluster: who leads it, and handing leadership over. */

import { clusterAnswer, transferLeadership } from "../src/http/cluster_json.ts";
import { watchCluster } from "../src/http/cluster_watch.ts";
import { ClusterFrameSchema } from "../src/http/cluster_watch_schemas.ts";
import {
  everywhereOptions,
  noConditions,
  noIdempotencyKey,
  redirect,
} from "../src/http/option_schemas.ts";
import { json, storeResponse } from "../src/http/response_docs.ts";
import { formatOption, streamResponse } from "../src/http/frame_docs.ts";
import { defineRoute, type Route } from "../src/http/route.ts";
import { ClusterSchema, LeadershipRequestSchema, LeadershipSchema } from "../src/http/schemas.ts";

const showCluster = defineRoute({
  method: "get",
  path: "/v1/cluster",
  operationId: "showCluster",
  tag: "cluster",
  summary: "The cluster as this node sees it",
  options: everywhereOptions,
  success: { 200: storeResponse("The cluster.", json(ClusterSchema)) },
  problems: [429, 503, 504],
  handle: clusterAnswer,
});

const handOver = defineRoute({
  method: "post",
  path: "/v1/cluster/leadership",
  operationId: "transferLeadership",
  tag: "cluster",
  summary: "Hand leadership over",
  description:
    "Answers once the new leader leads. While leadership is handed over nothing can be " +
    "written, for an election timeout at most. So a target that could not take over now, " +
    "because the leader does not hear it, because it needs an image of the store, or is too far " +
    "behind, is refused at once (409), as a learner is; and a client should not repeat by itself " +
    "what was too late (504).",
  options: {
    ...everywhereOptions,
    ...noConditions,
    ...noIdempotencyKey,
    redirect,
  },
  body: { required: false, content: json(LeadershipRequestSchema) },
  success: { 200: storeResponse("The new leader.", json(LeadershipSchema)) },
  problems: [403, 404, 408, 409, 413, 415, 429, 503, 504],
  handle: transferLeadership,
});

const follow = defineRoute({
  method: "get",
  path: "/v1/cluster/watch",
  operationId: "watchCluster",
  tag: "cluster",
  summary: "Follow who leads the cluster and who belongs to it",
  description:
    "`ready` tells what is, `leadership` and `members` what has changed since. A client " +
    "that is slow, or connects again, is told what is now, not what was meanwhile. Counts among " +
    "the watches of the node.",
  isStream: true,
  options: {
    ...everywhereOptions,
    ...noConditions,
    format: formatOption,
  },
  success: {
    200: streamResponse(
      "A stream of frames, which ends only when the client goes, or with the node.",
      ClusterFrameSchema,
    ),
  },
  problems: [429, 503],
  handle: watchCluster,
});

export const clusterRoutes: readonly Route[] = [showCluster, handOver, follow];
