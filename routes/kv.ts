/** One key: `/v1/kv/{key}`, and `/v1/kv64/{key64}` for keys that a URL cannot carry. */

import {
  acceptFormat,
  choiceOption,
  contentType,
  ifMatch,
  ifNoneMatch,
  ifNotHeld,
  laterOption,
  readOptions,
  returned,
  writeOptions,
} from "../src/http/option_schemas.ts";
import { octetStream, recordMediaType } from "../src/http/media_type.ts";
import {
  binary,
  json,
  valueNotModified,
  valueResponse,
  writeResponse,
} from "../src/http/response_docs.ts";
import { defineRoute, key64Twin, type Route, type RouteDefinition } from "../src/http/route.ts";
import { DeleteResultSchema, PutResultSchema, RecordSchema } from "../src/http/schemas.ts";
import { deleteValue, getValue, putValue } from "../src/http/values.ts";

const conditions = { if_match: ifMatch, if_none_match: ifNoneMatch };

const getOptions = {
  ...readOptions,
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
  ttl: laterOption(),
  lease: laterOption(),
};

const deleteOptions = { ...writeOptions, ...conditions };

const valueContent = {
  [octetStream]: { schema: binary },
  [recordMediaType]: { schema: RecordSchema },
};

const get: RouteDefinition<typeof getOptions> = {
  method: "get",
  path: "/v1/kv/{key}",
  operationId: "getValue",
  tag: "keys",
  summary: "Read the value of a key",
  description: "The bytes as they were put, with the media type that was stored with them.",
  options: getOptions,
  success: { 200: valueResponse("The value.", valueContent), 304: valueNotModified },
  problems: [404, 410, 412, 429, 503, 504],
  handle: getValue,
};

const put: RouteDefinition<typeof putOptions> = {
  method: "put",
  path: "/v1/kv/{key}",
  operationId: "putValue",
  tag: "keys",
  summary: "Store a value under a key",
  description: "The body is the value, up to 8 MiB of any bytes.",
  options: putOptions,
  body: { required: true, content: { [octetStream]: { schema: binary } } },
  success: {
    200: writeResponse("Updated.", json(PutResultSchema), ["ETag", "Preference-Applied"]),
    201: writeResponse("Created.", json(PutResultSchema), ["ETag", "Preference-Applied"]),
  },
  problems: [403, 408, 412, 413, 415, 429, 503, 504, 507],
  handle: putValue,
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
  problems: [403, 408, 412, 429, 503, 504, 507],
  handle: deleteValue,
};

export const kvRoutes: readonly Route[] = [
  defineRoute(get),
  defineRoute(put),
  defineRoute(del),
  key64Twin(get),
  key64Twin(put),
  key64Twin(del),
];
