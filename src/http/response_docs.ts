/** What the document says of answers: their headers and bodies, shared between routes. */

import { z } from "@hono/zod-openapi";
import { jsonMediaType, mergePatchMediaType, problemMediaType } from "./media_type.ts";
import { ProblemSchema } from "./schemas.ts";

interface HeaderDocs {
  readonly description: string;
  readonly schema: {
    readonly type: "string" | "integer";
    readonly format?: string;
    readonly pattern?: string;
    readonly minimum?: number;
    readonly maximum?: number;
  };
}

const text = { type: "string" } as const;
const int64 = {
  type: "integer",
  format: "int64",
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
} as const;

/** Every header that an answer may carry, by name: components of the document. */
export const headerDocs = {
  "X-Request-Id": {
    description: "The request's id: the client's own where it sent one.",
    schema: text,
  },
  "Cache-Control": { description: "Always `private, no-cache`.", schema: text },
  "KV-Revision": {
    description: "Of a write its revision, else the store's revision that the answer reflects.",
    schema: int64,
  },
  "KV-Served-By": { description: "The node that answered.", schema: int64 },
  "KV-Leader": { description: "The leader, where one is known.", schema: int64 },
  "KV-Consistency": { description: "The read level really used.", schema: text },
  "KV-Cluster-Id": { description: "The cluster.", schema: text },
  "KV-Forwarded": {
    description: "`1` where the node that was asked handed the write on to the leader.",
    schema: int64,
  },
  "KV-Staleness-Ms": {
    description: "On local reads: how far behind the leader this node may be, ms, or `unknown`.",
    schema: { type: "string", pattern: "^([0-9]+|unknown)$" },
  },
  "ETag": {
    description: 'The tag of what the answer tells: `"42"` is a record at mod revision 42, ' +
      '`"42.r"` its record form, `"0"` an absent key, `"r1842"` a list read at revision 1842, ' +
      '`"c17"` the members by the configuration at index 17.',
    schema: text,
  },
  "Vary": {
    description: "`Accept` where it chooses the representation.",
    schema: text,
  },
  "Link": { description: 'The next page, with rel="next".', schema: text },
  "Location": {
    description: "Of 307 the same request at the leader; of 201 where the new thing is.",
    schema: text,
  },
  "Idempotency-Replayed": {
    description: "`true` where the request was done before under the same Idempotency-Key: this " +
      "is the answer that it got then.",
    schema: text,
  },
  "X-Accel-Buffering": {
    description: "Always `no`: a proxy shall pass each piece of the stream on at once.",
    schema: text,
  },
  "Content-Length": {
    description: "Of a HEAD answer: how long the body of GET would be; of a file its length.",
    schema: int64,
  },
  "Repr-Digest": {
    description: "SHA-256 of the whole file, also where a part is sent (RFC 9530).",
    schema: text,
  },
  "Accept-Ranges": { description: "`bytes`: parts are sent as well.", schema: text },
  "Content-Range": {
    description: "Of 206 which part it is; of 416 how long the whole is.",
    schema: text,
  },
  "Content-Disposition": { description: "What a browser calls the file.", schema: text },
  "Preference-Applied": { description: "The preference that was honoured.", schema: text },
  "X-Content-Type-Options": { description: "Always `nosniff`.", schema: text },
  "Content-Security-Policy": {
    description: "Keeps browsers from running what is shown.",
    schema: text,
  },
  "Cross-Origin-Resource-Policy": { description: "Always `same-origin`.", schema: text },
  "Retry-After": { description: "Seconds to wait before a repetition.", schema: int64 },
  "Allow": { description: "Of 405: the methods that this path takes.", schema: text },
  "Accept-Patch": { description: "The patches that this path takes (RFC 5789).", schema: text },
  "Accept-Encoding": { description: "Of 415: the content codings taken.", schema: text },
  "Connection": {
    description: "`close` where the request's body was not read to its end.",
    schema: text,
  },
} as const satisfies Readonly<Record<string, HeaderDocs>>;

export type HeaderName = keyof typeof headerDocs;

interface Reference {
  readonly $ref: string;
}

/** One status of an operation. */
export interface ResponseDoc {
  readonly description: string;
  readonly headers: Readonly<Record<string, Reference>>;
  readonly content?: Readonly<Record<string, MediaDocs>>;
}

/** A body in one media type. */
export interface MediaDocs {
  readonly schema: z.ZodType;
  readonly example?: unknown;
  /** The body goes on, where another media type of the same answer does not. */
  readonly "x-stream"?: true;
}

export type ResponseDocs = Readonly<Record<number, ResponseDoc>>;

function headersNamed(names: readonly HeaderName[]): Readonly<Record<string, Reference>> {
  return Object.fromEntries(
    names.map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  );
}

const always: readonly HeaderName[] = ["X-Request-Id", "Cache-Control", "Content-Length"];
const ofStore: readonly HeaderName[] = [
  ...always,
  "KV-Revision",
  "KV-Served-By",
  "KV-Leader",
  "KV-Cluster-Id",
];
const ofRead: readonly HeaderName[] = [...ofStore, "KV-Consistency", "KV-Staleness-Ms"];
const ofRaw: readonly HeaderName[] = [
  "X-Content-Type-Options",
  "Content-Security-Policy",
  "Cross-Origin-Resource-Policy",
];

function response(
  description: string,
  headers: readonly HeaderName[],
  content?: ResponseDoc["content"],
): ResponseDoc {
  const described = { description, headers: headersNamed(headers) };
  return content === undefined ? described : { ...described, content };
}

/** A body of JSON. */
export function json(
  schema: z.ZodType,
  example?: unknown,
): NonNullable<ResponseDoc["content"]> {
  return { [jsonMediaType]: example === undefined ? { schema } : { schema, example } };
}

/** The same as a merge patch, which replaces members (RFC 7396). */
export function mergePatch(
  schema: z.ZodType,
  example: unknown,
): NonNullable<ResponseDoc["content"]> {
  return { [mergePatchMediaType]: { schema, example } };
}

export const plainText: NonNullable<ResponseDoc["content"]> = {
  "text/plain": { schema: z.string() },
};

/** An answer that does not come from the store. */
export function plainResponse(
  description: string,
  content: NonNullable<ResponseDoc["content"]>,
  more: readonly HeaderName[] = [],
): ResponseDoc {
  return response(description, [...always, ...more], content);
}

/** An answer that tells at which level it was read. */
export function readResponse(
  description: string,
  content?: ResponseDoc["content"],
  more: readonly HeaderName[] = ["ETag"],
): ResponseDoc {
  return response(description, [...ofRead, ...more], content);
}

/** The value as it is; with HEAD without it. */
export function valueResponse(
  description: string,
  content?: NonNullable<ResponseDoc["content"]>,
): ResponseDoc {
  return readResponse(description, content, ["ETag", "Vary", ...ofRaw]);
}

/** An answer of the store that is no read. */
export function storeResponse(
  description: string,
  content: NonNullable<ResponseDoc["content"]>,
  more: readonly HeaderName[] = [],
): ResponseDoc {
  return response(description, [...ofStore, ...more], content);
}

/** An answer to a write, which may have come through another node. */
export function writeResponse(
  description: string,
  content: NonNullable<ResponseDoc["content"]>,
  more: readonly HeaderName[] = [],
): ResponseDoc {
  return storeResponse(description, content, ["KV-Forwarded", "Idempotency-Replayed", ...more]);
}

/** An answer to a write that is all in its headers. */
export function doneResponse(description: string): ResponseDoc {
  return response(description, [...ofStore, "KV-Forwarded", "Idempotency-Replayed"]);
}

export const notModified: ResponseDoc = readResponse(
  "Not modified since the tag given.",
  undefined,
  ["ETag", "Vary"],
);

export const redirectAnswer: ResponseDoc = response(
  "With `redirect`: ask the leader.",
  [...ofStore, "Location"],
);

export const binary: z.ZodType = z.string().openapi({ type: "string", format: "binary" });

/** The one answer of every refusal. */
export const problemResponseDoc: ResponseDoc = response(
  "A refusal; `code` names it.",
  [
    ...ofRead,
    "KV-Forwarded",
    "Idempotency-Replayed",
    "ETag",
    "Vary",
    "Retry-After",
    "Content-Range",
    "Allow",
    "Accept-Patch",
    "Accept-Encoding",
    "Connection",
  ],
  { [problemMediaType]: { schema: ProblemSchema } },
);
