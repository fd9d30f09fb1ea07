import { readFileSync } from "node:fs";
import { assert, describe, it } from "../harness/test.ts";
import { probeDocument } from "../harness/http_probe.ts";
import { renderDocument } from "../../scripts/openapi.ts";
import { deviations } from "./http_document.ts";

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly path: string;
  readonly method: string;
  readonly operation: Json;
}

const operations: readonly Operation[] = Object.entries(probeDocument.paths ?? {}).flatMap(
  ([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);

/** What this version answers: a name that is here stays. */
const operationIds: readonly string[] = [
  "acquireLock",
  "addMember",
  "applyOp",
  "applyOp64",
  "campaign",
  "changeMember",
  "checkAlive",
  "checkReady",
  "checkStarted",
  "compact",
  "compactLog",
  "deleteRange",
  "deleteValue",
  "deleteValue64",
  "getBackup",
  "getHistory",
  "getHistory64",
  "getLeader",
  "getLease",
  "getLock",
  "getMember",
  "getValue",
  "getValue64",
  "grantLease",
  "headAlive",
  "headBackup",
  "headCluster",
  "headDocs",
  "headDocument",
  "headHistory",
  "headHistory64",
  "headHoldLease",
  "headKeys",
  "headLeader",
  "headLease",
  "headLeases",
  "headLock",
  "headMember",
  "headMembers",
  "headObserveElection",
  "headReady",
  "headStarted",
  "headValue",
  "headValue64",
  "headVersion",
  "headWatchCluster",
  "headWatchKeys",
  "holdLease",
  "keepLeaseAlive",
  "listKeys",
  "listLeases",
  "listMembers",
  "mergeValue",
  "mergeValue64",
  "observeElection",
  "proclaim",
  "putValue",
  "putValue64",
  "releaseLock",
  "removeMember",
  "replaceMember",
  "resign",
  "restoreBackup",
  "revokeLease",
  "runBatch",
  "runTxn",
  "showCluster",
  "showDocs",
  "showDocument",
  "showVersion",
  "transferLeadership",
  "watchCluster",
  "watchKeys",
];

/** In answers `outcome` alone; in requests what is not on the list is refused anyway. */
const boundedLists: readonly RegExp[] = [
  /\/Problem\/properties\/outcome$/,
  /\/(?:AddMember|Suffrage)\/properties\/suffrage$/,
  /\/Change\/properties\/op$/,
  /\/Compare\/properties\/(?:op|target)$/,
  /\/Batch(?:Put|Delete)\/properties\/if_match\/anyOf\/1$/,
];

/** Every object in the document, with the path to it. */
function* objects(value: unknown, at = "#"): Generator<readonly [string, Json]> {
  if (typeof value !== "object" || value === null) return;
  yield [at, Object(value)];
  for (const [name, member] of Object.entries(value)) yield* objects(member, `${at}/${name}`);
}

describe("the OpenAPI document", () => {
  it("is the committed one", () => {
    const committed = readFileSync(new URL("../../openapi/openapi.yaml", import.meta.url), "utf8");
    assert.equal(committed, renderDocument(), "stale, run: bun scripts/openapi.ts");
  });

  it("has each operation of this version", () => {
    const ids = operations.map(({ operation }) => operation["operationId"]).sort();
    assert.deepEqual(ids, operationIds);
  });

  it("gives each operation one tag, a summary, at least 400, and one schema of success", () => {
    for (const { path, method, operation } of operations) {
      const name = `${method} ${path}`;
      assert.equal(Object(operation["tags"]).length, 1, name);
      assert.equal(typeof operation["summary"], "string", name);
      const responses: Json = Object(operation["responses"]);
      assert.ok("400" in responses, name);
      const schemas = new Set<string>();
      for (const [status, response] of Object.entries(responses)) {
        if (Number(status) >= 400) {
          assert.deepEqual(response, { $ref: "#/components/responses/Problem" }, name);
          continue;
        }
        const json: unknown = Object(Object(response).content)["application/json"];
        if (json !== undefined) schemas.add(JSON.stringify(json));
      }
      assert.ok(schemas.size <= 1, name);
    }
  });

  it("names every object schema as a component, and resolves every reference", () => {
    for (const [at, object] of objects(probeDocument)) {
      if (object["type"] === "object") assert.match(at, /^#\/components\/schemas\/\w+$/, at);
      const reference = object["$ref"];
      if (typeof reference !== "string") continue;
      let found: unknown = probeDocument;
      for (const part of reference.slice(2).split("/")) found = Object(found)[part];
      assert.notEqual(found, undefined, `${at} → ${reference}`);
    }
  });

  it("gives integers a format and a maximum, and bounds no text of an answer but outcome", () => {
    for (const [at, object] of objects(probeDocument)) {
      const isSchema = typeof object["type"] === "string";
      if (isSchema && object["type"] === "integer") {
        assert.match(String(object["format"]), /^int(32|64)$/, at);
        assert.equal(typeof object["maximum"], "number", at);
      }
      if (isSchema && "enum" in object && !at.includes("/parameters/")) {
        assert.ok(boundedLists.some((pattern) => pattern.test(at)), at);
      }
    }
  });

  it("declares raw bodies as binary octet streams", () => {
    const binary = { type: "string", format: "binary" };
    for (const { method, operation } of operations) {
      if (!/^(put|get)Value/.test(String(operation["operationId"]))) continue;
      const holder = method === "put"
        ? Object(operation["requestBody"])
        : Object(Object(operation["responses"])["200"]);
      assert.deepEqual(holder.content["application/octet-stream"].schema, binary);
    }
  });

  it("shows an example of every body of JSON", () => {
    for (const { path, method, operation } of operations) {
      const content: Json = Object(Object(operation["requestBody"]).content);
      for (const [mediaType, media] of Object.entries(content)) {
        if (mediaType === "application/octet-stream" || path === "/v1/cluster/leadership") continue;
        assert.ok("example" in Object(media), `${method} ${path} ${mediaType}`);
      }
    }
  });

  it("describes every parameter", () => {
    for (const { path, method, operation } of operations) {
      for (const parameter of Object(operation["parameters"] ?? [])) {
        assert.ok(parameter.description, `${method} ${path} ${parameter.name}`);
      }
    }
  });
});

describe("holding answers against the document", () => {
  const headers = { "X-Request-Id": "1", "Cache-Control": "private, no-cache" };

  function found(line: string, status: number, body: unknown, more: HeadersInit = {}) {
    const [method = "", target = ""] = line.split(" ");
    const contentType = status >= 400 ? "application/problem+json" : "application/json";
    const response = new Response(null, {
      status,
      headers: { ...headers, "Content-Type": contentType, ...Object(more) },
    });
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    return deviations(probeDocument, { method, target, response, body: bytes })
      .map((line) => line.replace(/^.*→ \d+: /, ""));
  }

  const deleted = { deleted: 1, revision: 2 };

  it("passes what is declared", () => {
    assert.deepEqual(found("DELETE /v1/kv/a", 200, deleted), []);
  });

  it("finds undeclared statuses, headers, media types and members", () => {
    assert.deepEqual(found("DELETE /v1/kv/a", 204, deleted), ["this status is not declared"]);
    assert.deepEqual(found("DELETE /v1/kv/a", 415, {}), ["this status is not declared"]);
    assert.deepEqual(found("DELETE /v1/kv/a", 200, deleted, { "X-New": "1" }), [
      "header x-new is not declared",
    ]);
    assert.deepEqual(found("DELETE /v1/kv/a", 200, deleted, { "Content-Type": "text/html" }), [
      "media type text/html is not declared",
    ]);
    assert.deepEqual(found("DELETE /v1/kv/a", 200, { ...deleted, x: 1 }), [
      "body.x is not declared",
    ]);
    assert.deepEqual(found("GET /nowhere", 200, deleted), ["this status is not declared"]);
  });

  it("finds missing members and headers, wrong types, and numbers out of bounds", () => {
    assert.deepEqual(found("DELETE /v1/kv/a", 200, { deleted: 1 }), ["body.revision is missing"]);
    assert.deepEqual(found("DELETE /v1/kv/a", 200, { deleted: "1", revision: 2 }), [
      'body.deleted is "1", not integer',
    ]);
    assert.deepEqual(found("DELETE /v1/kv/a", 200, { deleted: -1, revision: 2 }), [
      "body.deleted is -1 < 0",
    ]);
    assert.deepEqual(found("DELETE /v1/kv/a", 200, { deleted: 1.5, revision: 2 }), [
      "body.deleted is 1.5",
    ]);
    assert.deepEqual(found("DELETE /v1/kv/a", 200, deleted, { "KV-Revision": "x" }).length, 2);
    const response = new Response(null, { headers: { "Content-Type": "application/json" } });
    const body = new TextEncoder().encode(JSON.stringify(deleted));
    const bare = { method: "DELETE", target: "/v1/kv/a", response, body };
    assert.equal(deviations(probeDocument, bare).length, 2);
  });

  it("looks into lists and into members that may be null", () => {
    const list = { items: [null, { key: "a" }], count: 1, revision: 2 };
    assert.ok(found("GET /v1/kv", 200, list).some((line) => line.startsWith("body.items[1].")));
    assert.deepEqual(found("GET /v1/kv", 200, { ...list, items: [null] }), []);
    const problem = { type: "t", title: "t", status: 400, detail: "d", code: "c", retryable: true };
    assert.deepEqual(found("GET /v1/kv", 400, problem), []);
    assert.equal(found("GET /v1/kv", 400, { ...problem, outcome: "maybe" }).length, 1);
  });
});
