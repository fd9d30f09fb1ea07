/** The JSON of streams of the cluster, as named components of the document. */

import { z } from "@hono/zod-openapi";
import { ClusterConfigurationSchema, count, LeaderSchema, MemberSchema } from "./schemas.ts";

const { id, suffrage, http, rpc, client_rpc } = MemberSchema.shape;

const MemberPlaceSchema = z.object({ id, suffrage, http, rpc, client_rpc }).openapi("MemberPlace", {
  description: "What of a member changes seldom.",
});

export const ClusterFrameSchema = z.object({
  event: z.string().optional().openapi({
    example: "leadership",
    description: "ready, leadership, members, progress or closing; of server-sent events it " +
      "stands beside the data.",
  }),
  cluster_id: z.string().optional().openapi({ description: "Of ready." }),
  node_id: id.optional().openapi({ description: "Of ready: whose view this is." }),
  term: count("Of ready and leadership: the election term.").optional(),
  leader: z.union([LeaderSchema, z.null()]).optional().openapi({
    description: "Of ready and leadership: who leads, as this node knows; null where nobody does.",
  }),
  members: z.array(MemberPlaceSchema).optional().openapi({
    description: "Of ready and members: all of them, as far as they are committed.",
  }),
  configuration: ClusterConfigurationSchema.optional(),
}).openapi("ClusterFrame", {
  description: "One frame of a stream of the cluster. It has no id: each says all that is.",
});
