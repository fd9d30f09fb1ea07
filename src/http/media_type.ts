/** Media types: which ones may be stored with a value, and how a request names its own. */

import { z } from "@hono/zod-openapi";

/** What a value without a media type is. */
export const octetStream = "application/octet-stream";
export const recordMediaType = "application/vnd.skein.record+json";
export const problemMediaType = "application/problem+json";
export const jsonMediaType = "application/json";
export const mergePatchMediaType = "application/merge-patch+json";
export const ndjsonMediaType = "application/x-ndjson";

/** See kv/record.ts. */
export const mediaTypeLengthMax = 255;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
/** Visible ASCII alone: what is stored here is written into a header again. */
const mediaTypePattern = new RegExp(`^${token}/${token}(?:[ \\t]*;[\\t\\x20-\\x7e]*)?$`);

export const mediaTypeOption: z.ZodType<string> = z.string().refine(
  (given) => given.length <= mediaTypeLengthMax && mediaTypePattern.test(given),
  { error: `allowed is a media type of up to ${mediaTypeLengthMax} visible ASCII characters` },
).openapi({
  type: "string",
  example: "text/plain; charset=utf-8",
  description: "Stored with the value, and what GET answers it with. A form type in the " +
    "Content-Type header, which curl and urllib send unasked, and none at all are stored as " +
    "application/octet-stream, which in that header contradicts no other type.",
});

/** The type without its parameters, in lower case. */
export function essence(contentType: string): string {
  return contentType.split(";", 1)[0]!.trim().toLowerCase();
}
