/** The OpenAPI 3.1 document, generated from the routes. */

import { OpenAPIHono } from "@hono/zod-openapi";
import { headerDocs, problemResponseDoc } from "./response_docs.ts";
import { ProblemSchema } from "./schemas.ts";
import type { Route } from "./route.ts";

export type OpenApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

const tagDescriptions = [
  { name: "keys", description: "Values under keys." },
  { name: "transactions", description: "Several operations in one request." },
  {
    name: "leases",
    description: "Promises that keys vanish together unless somebody renews them.",
  },
  { name: "locks", description: "Names that one holder has at a time, with a token for fencing." },
  { name: "elections", description: "Names that one leader has at a time, with what it says." },
  { name: "watches", description: "What happens to keys, as it happens." },
  { name: "cluster", description: "Members and leadership." },
  { name: "snapshots", description: "The past: how much of it is kept." },
  { name: "health", description: "Probes, versions and this document." },
];

const description = [
  "A strongly consistent, replicated key-value service.",
  "Values are raw bytes; JSON is negotiated. Every option is a query parameter, some are headers " +
  "as well; an unknown option is an error. Revisions count the changes of the whole store: an " +
  "ETag is the revision that wrote a key, and `If-Match` with it is compare-and-set.",
  "Any write may name an `Idempotency-Key`: repeated under the same key, it is applied once. " +
  "Durations are asked for like `30s`; answers tell them in ms, in members that end in `_ms`.",
  "Errors are problem documents (RFC 9457) whose `code` is for programs; on writes `outcome` " +
  "promises what became of the write.",
].join("\n\n");

/** `version` is the program's. */
export function buildDocument(routes: readonly Route[], version: string): OpenApiDocument {
  const app = new OpenAPIHono();
  const registry = app.openAPIRegistry;
  for (const operation of routes.flatMap((route) => route.operations)) {
    registry.registerPath(operation);
  }
  for (const [name, docs] of Object.entries(headerDocs)) {
    registry.registerComponent("headers", name, {
      description: docs.description,
      schema: { ...docs.schema },
    });
  }
  // No route names it: the answers of refusals refer to it.
  registry.register("Problem", ProblemSchema);
  const problem = problemResponseDoc;
  registry.registerComponent("responses", "Problem", {
    description: problem.description,
    headers: { ...problem.headers },
    content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
  });
  const { webhooks: _none, ...document } = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "skein",
      version,
      description,
      license: { name: "MIT OR Apache-2.0" },
    },
    servers: [{ url: "/", description: "Any node." }],
    tags: tagDescriptions,
  });
  return document;
}
