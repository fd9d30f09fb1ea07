/** Probes and the version: no store is asked. */

import { jsonAnswer } from "../src/http/answer.ts";
import { alive, ready, started } from "../src/http/health.ts";
import { flagOption } from "../src/http/option_schemas.ts";
import { json, plainResponse, plainText } from "../src/http/response_docs.ts";
import { defineRoute, type Route } from "../src/http/route.ts";
import { VersionSchema } from "../src/http/schemas.ts";

const verbose = { verbose: flagOption("Print each check.") };

const livez = defineRoute({
  method: "get",
  path: "/livez",
  operationId: "checkAlive",
  tag: "health",
  summary: "Whether the process answers",
  options: verbose,
  success: { 200: plainResponse("It does.", plainText) },
  problems: [],
  handle: alive,
});

const readyz = defineRoute({
  method: "get",
  path: "/readyz",
  operationId: "checkReady",
  tag: "health",
  summary: "Whether this node can serve: formed, recovered, replayed, disk moves, leader known",
  options: verbose,
  success: { 200: plainResponse("It can.", plainText) },
  problems: [503],
  handle: ready,
});

const startupz = defineRoute({
  method: "get",
  path: "/startupz",
  operationId: "checkStarted",
  tag: "health",
  summary: "Whether this node has finished starting; it may be without a leader",
  options: verbose,
  success: { 200: plainResponse("It has.", plainText) },
  problems: [503],
  handle: started,
});

const version = defineRoute({
  method: "get",
  path: "/version",
  operationId: "showVersion",
  tag: "health",
  summary: "What is running",
  options: {},
  success: { 200: plainResponse("The versions.", json(VersionSchema)) },
  problems: [],
  handle(call) {
    const { version, commit, runtime, runtimeVersion, sqlite, protocolVersion, dataVersion } =
      call.services.version;
    return jsonAnswer(call, 200, {
      version,
      commit,
      runtime,
      runtime_version: runtimeVersion,
      sqlite,
      protocol_version: protocolVersion,
      data_version: dataVersion,
    });
  },
});

export const healthRoutes: readonly Route[] = [livez, readyz, startupz, version];
