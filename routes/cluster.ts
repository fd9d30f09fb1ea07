/** The cluster: who belongs to it, who leads, and handing leadership over. */

import { clusterAnswer, membersAnswer, transferLeadership } from "../src/http/cluster_json.ts";
import { watchCluster } from "../src/http/cluster_watch.ts";
import { ClusterFrameSchema } from "../src/http/cluster_watch_schemas.ts";
import {
  everywhereOptions,
  laterOption,
  noConditions,
  redirect,
  tagsOption,
} from "../src/http/option_schemas.ts";
import { json, notModified, storeResponse } from "../src/http/response_docs.ts";
import { formatOption, streamResponse } from "../src/http/frame_docs.ts";
import { defineRoute, type Route } from "../src/http/route.ts";
import {
  ClusterSchema,
  LeadershipRequestSchema,
  LeadershipSchema,
  MembersSchema,
} from "../src/http/schemas.ts";

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

const listMembers = defineRoute({
  method: "get",
  path: "/v1/cluster/members",
  operationId: "listMembers",
  tag: "cluster",
  summary: "The members",
  description: "The tag names the configuration alone, not how far each member has come.",
  options: {
    ...everywhereOptions,
    if_none_match: tagsOption("304 if the configuration is still this one.", {
      kind: "c",
      header: "If-None-Match",
    }),
  },
  success: { 200: storeResponse("The members.", json(MembersSchema), ["ETag"]), 304: notModified },
  problems: [429, 503, 504],
  handle: membersAnswer,
});

const handOver = defineRoute({
  method: "post",
  path: "/v1/cluster/leadership",
  operationId: "transferLeadership",
  tag: "cluster",
  summary: "Hand leadership over",
  description: "Answers once the new leader leads.",
  options: {
    ...everywhereOptions,
    ...noConditions,
    redirect,
    idempotency_key: laterOption({ header: "Idempotency-Key", read: (value) => value }),
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

export const clusterRoutes: readonly Route[] = [showCluster, listMembers, handOver, follow];
