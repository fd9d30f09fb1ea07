/** Locks: `/v1/locks/{name}`. */

import { tokenOptions } from "../src/http/contests.ts";
import {
  LockHeldSchema,
  LockReleasedSchema,
  LockRequestSchema,
  LockSchema,
} from "../src/http/lock_schemas.ts";
import { acquireLock, getLock, releaseLock } from "../src/http/locks.ts";
import {
  noConditions,
  presentOptions,
  storeOptions,
  waitOption,
} from "../src/http/option_schemas.ts";
import { json, readResponse, writeResponse } from "../src/http/response_docs.ts";
import { defineRoute, type Route } from "../src/http/route.ts";

const acquire = defineRoute({
  method: "post",
  path: "/v1/locks/{name}",
  operationId: "acquireLock",
  tag: "locks",
  summary: "Take a lock",
  description: "200 to whoever holds it from now on. The token rises from holder to holder: hand " +
    "it to what the lock protects, which refuses a lower one than it has seen, because a holder " +
    "may be paused for longer than its lease lives. Asked for again under the same lease, it is " +
    "the same token. 423 names who holds it instead.",
  options: {
    ...storeOptions,
    ...noConditions,
    wait: waitOption(
      "So long the request waits in line for it; on top of `timeout`. A client that goes away " +
        "meanwhile leaves the line.",
    ),
  },
  body: { required: true, content: json(LockRequestSchema, { ttl: "30s", owner: "worker-7" }) },
  success: { 200: writeResponse("It is yours.", json(LockHeldSchema), ["ETag"]) },
  problems: [403, 404, 408, 409, 413, 415, 422, 423, 429, 503, 504, 507],
  handle: acquireLock,
});

const get = defineRoute({
  method: "get",
  path: "/v1/locks/{name}",
  operationId: "getLock",
  tag: "locks",
  summary: "Who holds a lock",
  options: presentOptions,
  success: { 200: readResponse("It is held.", json(LockSchema)) },
  problems: [404, 429, 503, 504],
  handle: getLock,
});

const release = defineRoute({
  method: "delete",
  path: "/v1/locks/{name}",
  operationId: "releaseLock",
  tag: "locks",
  summary: "Release a lock, or leave the line for it",
  description: "By its token, which `If-Match` names as well: 400 without one, 412 with another " +
    "holder's. A lease that `ttl` has made ends with it.",
  options: { ...storeOptions, ...tokenOptions },
  success: { 200: writeResponse("It is released.", json(LockReleasedSchema)) },
  problems: [403, 404, 408, 409, 412, 422, 429, 503, 504],
  handle: releaseLock,
});

export const lockRoutes: readonly Route[] = [acquire, get, release];
