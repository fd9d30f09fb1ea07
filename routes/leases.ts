/** Leases: `/v1/leases`. */

import {
  getLease,
  grantLease,
  keepLeaseAlive,
  listLeases,
  revokeLease,
} from "../src/http/leases.ts";
import { holdLease } from "../src/http/lease_hold.ts";
import {
  LeaseGivenSchema,
  LeaseHoldFrameSchema,
  LeaseRequestSchema,
  LeaseSchema,
  LeasesSchema,
} from "../src/http/lease_schemas.ts";
import {
  countOption,
  cursorOption,
  everywhereOptions,
  flagOption,
  noConditions,
  presentOptions,
  storeOptions,
} from "../src/http/option_schemas.ts";
import { pageLimitMax } from "../src/http/paging.ts";
import { doneResponse, json, readResponse, writeResponse } from "../src/http/response_docs.ts";
import { formatOption, streamResponse } from "../src/http/frame_docs.ts";
import { defineRoute, type Route } from "../src/http/route.ts";

const writeOptions = { ...storeOptions, ...noConditions };

const grant = defineRoute({
  method: "post",
  path: "/v1/leases",
  operationId: "grantLease",
  tag: "leases",
  summary: "Begin a lease",
  description: "Keys that are put with its id go when it ends: when its time is over, or when it " +
    "is revoked. 409 where a lease of that id is there already.",
  options: writeOptions,
  body: { required: true, content: json(LeaseRequestSchema, { ttl: "30s" }) },
  success: { 201: writeResponse("It lives.", json(LeaseGivenSchema), ["Location"]) },
  problems: [403, 408, 409, 413, 415, 422, 429, 503, 504, 507],
  handle: grantLease,
});

const list = defineRoute({
  method: "get",
  path: "/v1/leases",
  operationId: "listLeases",
  tag: "leases",
  summary: "The leases that live, by their ids",
  description: "As they are now: pages do not share a view.",
  options: {
    ...presentOptions,
    limit: countOption("Leases in one answer; 1000 when absent.", { min: 1, max: pageLimitMax }),
    cursor: cursorOption(),
  },
  success: { 200: readResponse("A page.", json(LeasesSchema), ["Link"]) },
  problems: [429, 503, 504],
  handle: listLeases,
});

const get = defineRoute({
  method: "get",
  path: "/v1/leases/{id}",
  operationId: "getLease",
  tag: "leases",
  summary: "One lease, and what is left of it",
  description:
    "With `keys` a page of its keys, in key order; as they are now: pages do not share " +
    "a view. A page may end before `limit`, where the keys are long.",
  options: {
    ...presentOptions,
    keys: flagOption("Name the keys that hang on it."),
    limit: countOption("With `keys`: how many in one answer; 1000 when absent.", {
      min: 1,
      max: pageLimitMax,
    }),
    cursor: cursorOption(),
  },
  success: { 200: readResponse("It lives.", json(LeaseSchema), ["Link"]) },
  problems: [404, 429, 503, 504],
  handle: getLease,
});

const keepAlive = defineRoute({
  method: "post",
  path: "/v1/leases/{id}/keepalive",
  operationId: "keepLeaseAlive",
  tag: "leases",
  summary: "Give a lease its whole time again",
  options: writeOptions,
  success: { 200: writeResponse("It lives on.", json(LeaseGivenSchema)) },
  problems: [403, 404, 408, 409, 422, 429, 503, 504, 507],
  handle: keepLeaseAlive,
});

const hold = defineRoute({
  method: "get",
  path: "/v1/leases/{id}/hold",
  operationId: "holdLease",
  tag: "leases",
  summary: "Keep a lease alive as long as the connection is open",
  description: "A keepalive at once, and then every third of the lease's time; each is told in a " +
    "`held` frame once it is done. After 60 s the stream ends with `renew`: its client asks anew " +
    "within the lease's time, so that the keys of a host that has vanished go after at most 60 s " +
    "and that time. Without a leader it is tried again (`failing`) while the lease may live. " +
    "Other ends are `lost`, and `closing` where the node shuts down. HEAD keeps nothing alive.",
  isStream: true,
  options: {
    ...everywhereOptions,
    ...noConditions,
    revoke: flagOption("The lease ends when the client goes; else it lives on for its time."),
    format: formatOption,
  },
  success: {
    200: streamResponse("It is held.", LeaseHoldFrameSchema, ["KV-Forwarded"]),
  },
  problems: [403, 404, 429, 503, 504],
  handle: holdLease,
});

const revoke = defineRoute({
  method: "delete",
  path: "/v1/leases/{id}",
  operationId: "revokeLease",
  tag: "leases",
  summary: "End a lease; its keys go with it, in one revision",
  options: writeOptions,
  success: { 204: doneResponse("It has ended.") },
  problems: [403, 404, 408, 409, 422, 429, 503, 504, 507],
  handle: revokeLease,
});

export const leaseRoutes: readonly Route[] = [grant, list, get, keepAlive, hold, revoke];
