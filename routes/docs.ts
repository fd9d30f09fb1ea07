/** The interface's own description, for programs and for people. */

import { z } from "@hono/zod-openapi";
import { textAnswer } from "../src/http/answer.ts";
import { docsPage, docsPagePolicy } from "../src/http/docs_page.ts";
import type { OpenApiDocument } from "../src/http/openapi.ts";
import { json, plainResponse } from "../src/http/response_docs.ts";
import { defineRoute, type Route } from "../src/http/route.ts";

/** `document` is asked at the first request, when all routes are known, these two included. */
export function docsRoutes(document: () => OpenApiDocument): readonly Route[] {
  let jsonText: string | undefined;
  let page: string | undefined;
  return [
    defineRoute({
      method: "get",
      path: "/openapi.json",
      operationId: "showDocument",
      tag: "health",
      summary: "This document",
      options: {},
      success: { 200: plainResponse("OpenAPI 3.1.", json(z.looseObject({}).openapi("Document"))) },
      problems: [],
      handle(call) {
        jsonText ??= JSON.stringify(document());
        return textAnswer(call, jsonText, "application/json");
      },
    }),
    defineRoute({
      method: "get",
      path: "/docs",
      operationId: "showDocs",
      tag: "health",
      summary: "This document as a page",
      options: {},
      success: {
        200: plainResponse("HTML that needs no other host.", {
          "text/html": { schema: z.string() },
        }, [
          "Content-Security-Policy",
        ]),
      },
      problems: [],
      handle(call) {
        page ??= docsPage(document());
        call.extraHeaders["Content-Security-Policy"] = docsPagePolicy;
        return textAnswer(call, page, "text/html; charset=utf-8");
      },
    }),
  ];
}
