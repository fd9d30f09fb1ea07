/** Elections: `/v1/elections/{name}`. */

import { tokenOptions } from "../src/http/contests.ts";
import { observeElection } from "../src/http/election_frames.ts";
import {
  CampaignSchema,
  ElectedSchema,
  ElectionFrameSchema,
  ElectionSchema,
  ProclamationSchema,
} from "../src/http/election_schemas.ts";
import {
  campaign,
  getLeader,
  proclaim as setValue,
  resign as giveUp,
} from "../src/http/elections.ts";
import {
  everywhereOptions,
  noConditions,
  presentOptions,
  storeOptions,
  waitOption,
} from "../src/http/option_schemas.ts";
import { json, readResponse, writeResponse } from "../src/http/response_docs.ts";
import { formatOption, streamResponse } from "../src/http/frame_docs.ts";
import { defineRoute, type Route } from "../src/http/route.ts";

const stand = defineRoute({
  method: "post",
  path: "/v1/elections/{name}",
  operationId: "campaign",
  tag: "elections",
  summary: "Stand for election",
  description: "200 to whoever leads from now on. The token rises from leader to leader, for " +
    "fencing as that of a lock. Asked for again under the same lease, it is the same token, and " +
    "what the leader says is replaced. 423 names who leads instead.",
  options: {
    ...storeOptions,
    ...noConditions,
    wait: waitOption(
      "So long the request waits in line; on top of `timeout`. A client that goes away meanwhile " +
        "leaves the line.",
    ),
  },
  body: {
    required: true,
    content: json(CampaignSchema, { ttl: "30s", value: "10.0.0.7:80" }),
  },
  success: { 200: writeResponse("You lead.", json(ElectedSchema)) },
  problems: [403, 404, 408, 409, 413, 415, 422, 423, 429, 503, 504, 507],
  handle: campaign,
});

const get = defineRoute({
  method: "get",
  path: "/v1/elections/{name}",
  operationId: "getLeader",
  tag: "elections",
  summary: "Who leads, and what it says",
  options: presentOptions,
  success: { 200: readResponse("Somebody leads.", json(ElectionSchema), []) },
  problems: [404, 429, 503, 504],
  handle: getLeader,
});

const proclaim = defineRoute({
  method: "put",
  path: "/v1/elections/{name}",
  operationId: "proclaim",
  tag: "elections",
  summary: "Say something else as leader",
  description: "By the leader's token, which `If-Match` names as well: 400 without one, 412 with " +
    "another one.",
  options: { ...storeOptions, ...tokenOptions },
  body: { required: true, content: json(ProclamationSchema, { value: "10.0.0.7:81" }) },
  success: { 200: writeResponse("It is said.", json(ElectedSchema)) },
  problems: [403, 404, 408, 409, 412, 413, 415, 422, 429, 503, 504, 507],
  handle: setValue,
});

const resign = defineRoute({
  method: "delete",
  path: "/v1/elections/{name}",
  operationId: "resign",
  tag: "elections",
  summary: "Resign, or leave the line",
  description: "By the token, which `If-Match` names as well: 400 without one, 412 with another " +
    "one. A lease that `ttl` has made ends with it.",
  options: { ...storeOptions, ...tokenOptions },
  success: { 200: writeResponse("Whoever is next leads.", json(ElectedSchema)) },
  problems: [403, 404, 408, 409, 412, 422, 429, 503, 504],
  handle: giveUp,
});

const observe = defineRoute({
  method: "get",
  path: "/v1/elections/{name}/observe",
  operationId: "observeElection",
  tag: "elections",
  summary: "Follow who leads",
  description: "One frame tells who leads now, or that nobody does, and another one each time " +
    "that this, or what the leader says, has changed. A client that is slower than that is told " +
    "the newest.",
  isStream: true,
  options: {
    ...everywhereOptions,
    ...noConditions,
    format: formatOption,
  },
  success: {
    200: streamResponse(
      "A stream of frames, which ends only when the client goes, or with the node.",
      ElectionFrameSchema,
    ),
  },
  problems: [429, 503, 504],
  handle: observeElection,
});

export const electionRoutes: readonly Route[] = [stand, get, proclaim, resign, observe];
