/** Leases: `/v1/leases`. */

import {
  getLease,
  grantLease,
  keepLeaseAlive,
  listLeases,
  revokeLease,
} from "../src/http/leases.ts";
import {
  LeaseGivenSchema,
  LeaseRequestSchema,
  LeaseSchema,
  LeasesSchema,
} from "../src/http/lease_schemas.ts";
import {
  countOption,
  cursorOption,
  flagOption,
  noConditions,
  presentOptions,
  storeOptions,
} from "../src/http/option_schemas.ts";
import { pageLimitMax } from "../src/http/paging.ts";
import { doneResponse, json, readResponse, writeResponse } from "../src/http/response_docs.ts";
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
  options: { ...presentOptions, keys: flagOption("Name the keys that hang on it.") },
  success: { 200: readResponse("It lives.", json(LeaseSchema), []) },
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

export const leaseRoutes: readonly Route[] = [grant, list, get, keepAlive, revoke];
