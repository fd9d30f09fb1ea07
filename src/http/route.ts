/**
 * A route is a schema and a handler. From the schema follow the check of requests, the OpenAPI
 * document and the routing path, so none of them can say something that another does not.
 */

import { createRoute, z } from "@hono/zod-openapi";
import { ServiceError } from "../service/errors.ts";
import { emptyAnswer } from "./answer.ts";
import type { Call } from "./call.ts";
import { type Option, optionReader, type OptionSet, type Values } from "./options.ts";
import { type MediaDocs, redirectAnswer, type ResponseDocs } from "./response_docs.ts";

/** GET stands for HEAD as well, which has the same headers and no body. */
export type Method = "get" | "put" | "delete" | "post" | "patch";
export type Tag =
  | "keys"
  | "transactions"
  | "leases"
  | "locks"
  | "elections"
  | "watches"
  | "cluster"
  | "snapshots"
  | "health";

/** Statuses that are refused with a problem document. */
export type ProblemStatus =
  | 400
  | 403
  | 404
  | 408
  | 409
  | 410
  | 412
  | 413
  | 414
  | 415
  | 416
  | 421
  | 422
  | 423
  | 429
  | 431
  | 500
  | 503
  | 504
  | 507;

/** Of any request, whatever it asks for. */
const problemsOfAll: readonly ProblemStatus[] = [400, 414, 421, 431, 500];

/** What routes/ says of a route. */
export interface RouteDefinition<O extends OptionSet> {
  readonly method: Method;
  /** The document's path, e.g. `/v1/kv/{key}`. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  /** The answer goes on until somebody ends it. */
  readonly isStream?: true;
  readonly options: O;
  readonly body?: RequestBodyDocs;
  readonly success: ResponseDocs;
  /** Besides those with which any request may be refused. */
  readonly problems: readonly ProblemStatus[];
  readonly handle: (call: Call, options: Values<O>) => Promise<Response> | Response;
}

/** The body that a route takes. */
export interface RequestBodyDocs {
  readonly required: boolean;
  readonly content: Readonly<Record<string, MediaDocs>>;
}

/** One entry of the document. */
export type Operation = ReturnType<typeof createRoute>;

/** A route with its options' types closed over. */
export interface Route {
  readonly method: Method;
  readonly path: string;
  readonly operations: readonly Operation[];
  readonly serve: (call: Call) => Promise<Response> | Response;
}

/** Makes a route from its definition. */
export function defineRoute<const O extends OptionSet>(definition: RouteDefinition<O>): Route {
  const reader = optionReader(definition.options);
  return {
    method: definition.method,
    path: definition.path,
    operations: definition.method === "get"
      ? [operationOf(definition), headOf(definition)]
      : [operationOf(definition)],
    serve(call) {
      const options = reader.read(call.request, call.query);
      call.options = options;
      const elsewhere = takeShared(call, options);
      return elsewhere ?? definition.handle(call, options);
    },
  };
}

/** The same route under `/v1/…64/`, whose key is base64url in one segment. */
export function key64Twin<const O extends OptionSet>(definition: RouteDefinition<O>): Route {
  return defineRoute({
    ...definition,
    path: definition.path.replace("/{key}", "64/{key64}"),
    operationId: `${definition.operationId}64`,
    summary: `${definition.summary} (key in base64url)`,
  });
}

interface SharedOptions {
  readonly timeout?: unknown;
  readonly cluster_id?: unknown;
  readonly redirect?: unknown;
}

/** Acts on options that mean the same everywhere; answers a request that belongs elsewhere. */
function takeShared(call: Call, options: SharedOptions): Response | undefined {
  if (typeof options.timeout === "number") call.timeoutMs = options.timeout;
  if (options.cluster_id !== undefined) {
    const { clusterId } = call.services.cluster.view();
    // A node that no cluster has taken in yet says so for itself.
    if (clusterId !== "" && options.cluster_id !== clusterId) {
      throw new ServiceError(
        "wrong_cluster",
        `KV-Cluster-Id is "${options.cluster_id}", this is the cluster "${clusterId}"`,
      );
    }
  }
  if (options.redirect !== true) return undefined;
  const location = leaderLocation(call);
  if (location === undefined) return undefined;
  call.header = call.services.kv.header();
  call.extraHeaders["Location"] = location;
  return emptyAnswer(call, 307);
}

/** This request's URL at the leader; undefined on the leader itself, and when none is known. */
function leaderLocation(call: Call): string | undefined {
  const { leader, nodeId, members } = call.services.cluster.view();
  if (leader === undefined || leader === nodeId) return undefined;
  const http = members.find((member) => member.id === leader)?.http;
  if (http === undefined) return undefined;
  return http.replace(/\/$/, "") + call.path + (call.query === "" ? "" : `?${call.query}`);
}

/** HEAD beside GET. */
function headOf<O extends OptionSet>(get: RouteDefinition<O>): Operation {
  const withoutBodies = Object.entries(get.success).map(([status, { description, headers }]) =>
    [status, { description, headers }] as const
  );
  return operationOf({
    ...get,
    method: "head",
    operationId: headId(get),
    summary: `${get.summary}: the headers alone`,
    success: Object.fromEntries(withoutBodies),
  });
}

/** Of a stream it keeps the verb: what is watched has a GET, and so a HEAD, of its own. */
function headId<O extends OptionSet>({ operationId, isStream }: RouteDefinition<O>): string {
  if (isStream !== true) return operationId.replace(/^[a-z]+/, "head");
  return `head${operationId.slice(0, 1).toUpperCase()}${operationId.slice(1)}`;
}

/** What the document says: of HEAD as well, which no route is defined for. */
type Documented<O extends OptionSet> = Omit<RouteDefinition<O>, "method" | "handle"> & {
  readonly method: Method | "head";
};

function operationOf<O extends OptionSet>(definition: Documented<O>): Operation {
  const { method, path, operationId, summary, description, body, problems } = definition;
  const options = Object.entries(definition.options).filter(([, option]) => !option.later);
  const problemResponses = [...problemsOfAll, ...problems].map((status) =>
    [status, { $ref: "#/components/responses/Problem" }] as const
  );
  const redirects = "redirect" in definition.options ? { 307: redirectAnswer } : {};
  return createRoute({
    method,
    path,
    operationId,
    tags: [definition.tag],
    summary,
    ...(definition.isStream === true ? { "x-stream": true } : {}),
    ...(description === undefined ? {} : { description }),
    request: {
      ...pathParameters(path),
      query: z.object(Object.fromEntries(options.map(([name, o]) => [name, queryParameter(o)]))),
      headers: z.object(Object.fromEntries(options.flatMap(headerParameter))),
      ...(body === undefined ? {} : { body: { required: body.required, content: body.content } }),
    },
    responses: { ...definition.success, ...redirects, ...Object.fromEntries(problemResponses) },
  });
}

function queryParameter(option: Option<unknown>): z.ZodType {
  return option.schema.optional();
}

/** OpenAPI tells Content-Type and Accept by the media types of bodies and answers. */
function headerParameter([name, option]: [string, Option<unknown>]): [string, z.ZodType][] {
  const header = option.twin?.header;
  if (header === undefined || header === "Content-Type" || header === "Accept") return [];
  const description = header === "Prefer"
    ? `\`${name}=…\` says the same as the query parameter ${name} (RFC 7240).`
    : `Says the same as the query parameter ${name}.`;
  const schema = z.string().optional();
  if (header.toLowerCase() !== name.replaceAll("_", "-")) {
    return [[header, schema.openapi({ description })]];
  }
  // Generators of Go take both of one name for one field of a struct: oapi-codegen reads this.
  const param = { "x-go-name": `${header.replaceAll("-", "")}Header` };
  return [[header, schema.openapi({ description, param })]];
}

function pathParameters(path: string): { readonly params?: z.ZodObject } {
  if (path.startsWith("/v1/cluster/members/{id}")) {
    return { params: z.object({ id: memberParameter }) };
  }
  if (path.includes("/{id}")) return { params: z.object({ id: idParameter }) };
  if (path.includes("/{name}")) return { params: z.object({ name: nameParameter }) };
  if (path.endsWith("/{key}")) return { params: z.object({ key: keyParameter }) };
  if (path.endsWith("/{key64}")) return { params: z.object({ key64: key64Parameter }) };
  return {};
}

const keyParameter = z.string().openapi({
  example: "cfg/a",
  description:
    "1 to 8192 bytes, percent-encoded once; slashes belong to the key, encoded or not. " +
    "Bytes that are not UTF-8 have to be encoded, and U+FFFD is written `%ef%bf%bd`. " +
    "Path and query together may have 32 KiB, beside a cursor.",
});
const key64Parameter = z.string().openapi({
  example: "Y2ZnL2E",
  description: "The key in base64url: for keys with a segment `.` or `..` or with a backslash, " +
    "which URL parsers fold, some before the server sees them.",
});
const nameParameter = z.string().openapi({
  example: "deploy",
  description:
    "1 to 1024 bytes in one segment, percent-encoded once: a slash is `%2F`. Bytes that " +
    "are not UTF-8 have to be encoded, and U+FFFD is written `%ef%bf%bd`.",
});
const memberParameter = z.string().regex(/^[1-9][0-9]{0,9}$/).openapi({
  example: "3",
  description: "The id of a node, from 1 to 4294967295.",
});
const idParameter = z.string().openapi({
  example: "7587862094736125953",
  description: "The lease's id: a signed 64-bit integer.",
});
