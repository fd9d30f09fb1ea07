/** One key: `/v1/kv/{key}`, and `/v1/kv64/{key64}` for keys that a URL cannot carry. */

import {
  acceptFormat,
  choiceOption,
  contentType,
  ifMatch,
  ifNoneMatch,
  ifNotHeld,
  lease,
  readOptions,
  returned,
  ttl,
  waitOption,
  writeOptions,
} from "../src/http/option_schemas.ts";
import { mergePatchMediaType, octetStream, recordMediaType } from "../src/http/media_type.ts";
import {
  binary,
  json,
  notModified,
  valueResponse,
  writeResponse,
} from "../src/http/response_docs.ts";
import { defineRoute, key64Twin, type Route, type RouteDefinition } from "../src/http/route.ts";
import {
  DeleteResultSchema,
  MergePatchSchema,
  PutResultSchema,
  RecordSchema,
} from "../src/http/schemas.ts";
import { applyOp, ChangeSchema, mergeValue } from "../src/http/updates.ts";
import { getValue } from "../src/http/values.ts";
import { deleteValue, putValue } from "../src/http/writes.ts";

const conditions = { if_match: ifMatch, if_none_match: ifNoneMatch };

const getOptions = {
  ...readOptions,
  wait: waitOption(
    "Instead of 304, wait so long for the key to change; without If-None-Match for it to appear.",
  ),
  if_match: ifMatch,
  if_none_match: ifNotHeld,
  format: choiceOption(
    `\`record\` answers the record in JSON, as does \`Accept: ${recordMediaType}\`.`,
    ["raw", "record"],
    { twin: acceptFormat({ [recordMediaType]: "record" }) },
  ),
};

const putOptions = {
  ...writeOptions,
  ...conditions,
  content_type: contentType,
  return: returned,
  ttl,
  lease,
};

const updateOptions = { ...writeOptions, ...conditions, return: returned };

const deleteOptions = { ...writeOptions, ...conditions };

const valueContent = {
  [octetStream]: { schema: binary },
  [recordMediaType]: { schema: RecordSchema },
};

const written = {
  200: writeResponse("Updated.", json(PutResultSchema), ["ETag", "Preference-Applied"]),
  201: writeResponse("Created.", json(PutResultSchema), ["ETag", "Preference-Applied"]),
};

const get: RouteDefinition<typeof getOptions> = {
  method: "get",
  path: "/v1/kv/{key}",
  operationId: "getValue",
  tag: "keys",
  summary: "Read the value of a key",
  description: "The bytes as they were put, with the media type that was stored with them.",
  options: getOptions,
  success: { 200: valueResponse("The value.", valueContent), 304: notModified },
  problems: [404, 410, 412, 429, 503, 504],
  handle: getValue,
};

const put: RouteDefinition<typeof putOptions> = {
  method: "put",
  path: "/v1/kv/{key}",
  operationId: "putValue",
  tag: "keys",
  summary: "Store a value under a key",
  description: "The body is the value, up to 8 MiB of any bytes. The key hangs on no lease any " +
    "more unless `ttl` or `lease` says so.",
  options: putOptions,
  body: { required: true, content: { [octetStream]: { schema: binary } } },
  success: written,
  problems: [403, 404, 408, 409, 412, 413, 415, 422, 429, 503, 504, 507],
  handle: putValue,
};

const patch: RouteDefinition<typeof updateOptions> = {
  method: "patch",
  path: "/v1/kv/{key}",
  operationId: "mergeValue",
  tag: "keys",
  summary: "Patch a JSON document (RFC 7396)",
  description: "Document and patch have up to 1 MiB and nest up to 64 deep; numbers and members " +
    "that the patch does not name stay as they were written. Media type and lease stay. An " +
    "absent key is patched as `{}` and becomes application/json. 409 where the value is no " +
    "such JSON.",
  options: updateOptions,
  body: {
    required: true,
    content: { [mergePatchMediaType]: { schema: MergePatchSchema, example: { on: true } } },
  },
  success: written,
  problems: [403, 408, 409, 412, 413, 415, 422, 429, 503, 504, 507],
  handle: mergeValue,
};

const post: RouteDefinition<typeof updateOptions> = {
  method: "post",
  path: "/v1/kv/{key}",
  operationId: "applyOp",
  tag: "keys",
  summary: "Count, or append to a value",
  description: "`add`, `min` and `max` answer the new number as `value`; append does with " +
    "`return=representation`. An absent key takes what was sent. Media type and lease stay. 409 " +
    "where the value is no signed 64-bit integer in decimal, and where the result would be none.",
  options: updateOptions,
  body: { required: true, content: json(ChangeSchema, { op: "add", value: 1 }) },
  success: written,
  problems: [403, 408, 409, 412, 413, 415, 422, 429, 503, 504, 507],
  handle: applyOp,
};

const del: RouteDefinition<typeof deleteOptions> = {
  method: "delete",
  path: "/v1/kv/{key}",
  operationId: "deleteValue",
  tag: "keys",
  summary: "Delete a key",
  description: "Deleting nothing is no error: `deleted` is 0 then.",
  options: deleteOptions,
  success: { 200: writeResponse("Done.", json(DeleteResultSchema)) },
  problems: [403, 408, 409, 412, 422, 429, 503, 504, 507],
  handle: deleteValue,
};

export const kvRoutes: readonly Route[] = [
  defineRoute(get),
  defineRoute(put),
  defineRoute(patch),
  defineRoute(post),
  defineRoute(del),
  key64Twin(get),
  key64Twin(put),
  key64Twin(patch),
  key64Twin(post),
  key64Twin(del),
];
