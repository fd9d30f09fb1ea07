/** Who belongs to the cluster, and changing that: `/v1/cluster/members`. */

import { memberAnswer, membersAnswer } from "../src/http/cluster_json.ts";
import { addMember, changeMember, removeMember, replaceMember } from "../src/http/membership.ts";
import {
  AddMemberSchema,
  MembershipSchema,
  ReplacementSchema,
  SuffrageSchema,
} from "../src/http/membership_schemas.ts";
import {
  everywhereOptions,
  flagOption,
  ifNotNone,
  noIdempotencyKey,
  redirect,
  tagsOption,
} from "../src/http/option_schemas.ts";
import { json, mergePatch, notModified, storeResponse } from "../src/http/response_docs.ts";
import { defineRoute, type Route } from "../src/http/route.ts";
import { MemberSchema, MembersSchema } from "../src/http/schemas.ts";

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

const getMember = defineRoute({
  method: "get",
  path: "/v1/cluster/members/{id}",
  operationId: "getMember",
  tag: "cluster",
  summary: "One member",
  options: everywhereOptions,
  success: { 200: storeResponse("The member.", json(MemberSchema)) },
  problems: [404, 429, 503, 504],
  handle: memberAnswer,
});

const changeOptions = {
  ...everywhereOptions,
  ...ifNotNone,
  ...noIdempotencyKey,
  redirect,
  if_match: tagsOption("Only if the configuration is one of these; else 412.", {
    kind: "c",
    header: "If-Match",
  }),
  dry_run: flagOption("Change nothing: answer what would be, or why it cannot be."),
};

const changed = storeResponse("The members after it.", json(MembershipSchema), ["ETag"]);
const created = storeResponse(
  "The node has become a member.",
  json(MembershipSchema),
  ["ETag", "Location"],
);
const problems = [403, 404, 408, 409, 412, 413, 415, 429, 503, 504] as const;
const place = { rpc: "127.0.0.1:7431", http: "http://127.0.0.1:7430" };

const add = defineRoute({
  method: "post",
  path: "/v1/cluster/members",
  operationId: "addMember",
  tag: "cluster",
  summary: "Add a node",
  description: "As a learner or read_only: it gets everything and decides nothing. A node is " +
    "known by its data directory, so that who asks again is answered 200, and nothing changes. " +
    "Without `incarnation` the node has to be running under an id; one that waits to join asks " +
    "by itself.",
  options: changeOptions,
  body: { required: true, content: json(AddMemberSchema, place) },
  success: { 200: changed, 201: created },
  problems,
  handle: addMember,
});

const change = defineRoute({
  method: "patch",
  path: "/v1/cluster/members/{id}",
  operationId: "changeMember",
  tag: "cluster",
  summary: "Promote or demote a member",
  description: "409 `conflict` where a learner that shall vote has not caught up yet, and " +
    "`would_lose_quorum` where too few of the voters afterwards are healthy. A voter that is " +
    "made a learner may be promoted again by the cluster itself; a read_only one never is.",
  options: changeOptions,
  body: {
    required: true,
    content: {
      ...json(SuffrageSchema, { suffrage: "voter" }),
      ...mergePatch(SuffrageSchema, { suffrage: "voter" }),
    },
  },
  success: { 200: changed },
  problems,
  handle: changeMember,
});

const replace = defineRoute({
  method: "post",
  path: "/v1/cluster/members/{id}/replacement",
  operationId: "replaceMember",
  tag: "cluster",
  summary: "Put another node in the place of a member",
  description: "The new node is a learner until it has caught up; then one change gives it the " +
    "other one's vote and removes that one. 504 where it has not caught up within `timeout`: it " +
    "stays a learner, and repeating the request goes on. It may have the same addresses.",
  options: changeOptions,
  body: { required: true, content: json(ReplacementSchema, place) },
  success: { 200: changed, 201: created },
  problems,
  handle: replaceMember,
});

const remove = defineRoute({
  method: "delete",
  path: "/v1/cluster/members/{id}",
  operationId: "removeMember",
  tag: "cluster",
  summary: "Remove a member",
  description: "Its id is never used again. 409 `would_lose_quorum` where too few of the voters " +
    "that are left are healthy. A leader that shall go hands over first.",
  options: changeOptions,
  success: { 200: changed },
  problems,
  handle: removeMember,
});

export const memberRoutes: readonly Route[] = [
  ...[listMembers, getMember, add, change, replace, remove],
];
