/**
 * Every code of the table of errors, brought about over HTTP: its status, its promise, and what its
 * document has beside. A new code without a row here does not compile, and one without a producer
 * is told apart.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type ErrorCode, errorCodes, errorFacts, type Outcome } from "../../src/service/errors.ts";
import { root } from "../harness/foreign_tools.ts";
import { probeDocument } from "../harness/http_probe.ts";
import {
  type Asking,
  beside,
  jsonOf,
  plainHeaders,
  ProblemPlaces,
  refusalOf,
  type Refused,
} from "../harness/problem_places.ts";
import { RawConnection } from "../harness/raw_connection.ts";
import type { ServedNode } from "../harness/server_cluster.ts";
import { after, assert, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";
import { deviations } from "./http_document.ts";

/** Of a code that nothing can bring about yet. */
const nothingYet = "nothing";

interface Row {
  /** As the contract has it. */
  readonly status: number;
  readonly outcome?: Outcome;
  readonly retryable?: true;
  /** Retry-After stands on it. */
  readonly again?: true;
  /** The detail names what was wrong, its value and what is allowed. */
  readonly detail: RegExp;
  /** Where the issues are, where there are any. */
  readonly issues?: readonly string[];
  /** Further members of the document. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly by: (places: ProblemPlaces) => Promise<Refused>;
}

type Ask = (line: string, asking?: Asking) => Promise<Refused>;

/** Asks the one node; what comes before must go well. */
function one(
  line: string,
  asking: Asking = {},
  prepare: (ask: Ask, node: ServedNode) => Promise<void> = () => Promise.resolve(),
): Row["by"] {
  return async (places) => {
    const node = await places.one();
    await prepare(async (line, asking = {}) => {
      const answer = await refusalOf(node, line, asking);
      assert.ok(answer.status < 400, `${line}: ${answer.text}`);
      return answer;
    }, node);
    return await refusalOf(node, line, asking);
  };
}

const refused = { outcome: "not_applied" } as const;
const soon = { retryable: true, again: true } as const;
const keyed = (key: string, body = "1"): Asking => ({ headers: { "Idempotency-Key": key }, body });
const ttl = jsonOf({ ttl: "10m" });
/** Of a batch that hangs keys on a lease. */
const hung = (lease: string, from: number): Asking =>
  jsonOf(Array.from({ length: 1_000 }, (_, at) => ({
    put: { key: `hung/${lease}/${from + at}`, value: "", lease },
  })));

async function fillLease(ask: Ask, lease: string): Promise<void> {
  await ask("POST /v1/leases", jsonOf({ id: lease, ttl: "1h" }));
  for (let from = 0; from < 10_000; from += 1_000) await ask("POST /v1/batch", hung(lease, from));
}

/** A body of which no more than the beginning comes. */
async function broken(node: ServedNode): Promise<Refused> {
  const line = "PUT /v1/kv/a?timeout=200ms";
  const connection = new RawConnection(Number(new URL(node.url).port));
  connection.send(`${line} HTTP/1.1\r\nHost: ${new URL(node.url).host}\r\n`);
  const { status, head, body } = await connection.send("Content-Length: 9\r\n\r\nhalf").answer();
  connection.close();
  const type = /^content-type: (.*)$/im.exec(head)?.[1] ?? "";
  return { line, status, headers: new Headers({ ...plainHeaders(head), type }), text: body };
}

const rows: Readonly<Record<ErrorCode, Row | typeof nothingYet>> = {
  bad_request: { status: 400, detail: /%zz/, by: one("GET /v1/kv/%zz") },
  validation_failed: {
    ...{ status: 400, ...refused, issues: ["cas", "ttl"] },
    detail: /"cas" is not an option .* if_match\?.*ttl is "soon", allowed is 1s to 366d/,
    by: one("PUT /v1/kv/a?ttl=soon&cas=5"),
  },
  missing_token: {
    ...{ status: 400, ...refused, detail: /^Neither token nor If-Match is given/ },
    by: one("DELETE /v1/locks/free"),
  },
  invalid_cursor: { status: 400, detail: /cursor/, by: one("GET /v1/kv?cursor=AAAA") },
  range_too_large: {
    ...{
      status: 400,
      ...refused,
      detail: /^One revision changes at most 10000 keys; with a limit /,
    },
    by: one("DELETE /v1/kv?prefix=hung/77/", {}, async (ask) => {
      await fillLease(ask, "77");
      await ask("PUT /v1/kv/hung/77/more");
    }),
  },
  range_not_satisfiable: {
    ...{ status: 416, detail: /^Range is "bytes=999999999-", the backup has \d+ bytes/ },
    by: one("GET /v1/snapshot", { headers: { Range: "bytes=999999999-" } }, async (ask) => {
      await ask("GET /v1/snapshot");
    }),
  },
  duplicate_key: {
    ...{
      status: 400,
      ...refused,
      detail: /is "d", which then\[0\] writes/,
      issues: ["then[1].put.key"],
    },
    by: one(
      "POST /v1/txn",
      jsonOf({ then: [{ put: { key: "d", value: "1" } }, { put: { key: "d", value: "2" } }] }),
    ),
  },
  forbidden: {
    ...{ status: 403, ...refused, detail: /Sec-Fetch-Site.*"cross-site"|cross-site/ },
    by: one("PUT /v1/kv/a", { headers: { "Sec-Fetch-Site": "cross-site" } }),
  },
  key_not_found: { status: 404, detail: /^nowhere does not exist$/, by: one("GET /v1/kv/nowhere") },
  lease_not_found: { status: 404, detail: /no lease 999$/, by: one("GET /v1/leases/999") },
  lock_not_held: {
    ...{ status: 404, detail: /^Lock free is held by nobody$/ },
    by: one("GET /v1/locks/free"),
  },
  election_vacant: {
    ...{ status: 404, detail: /^Election free is led by nobody$/ },
    by: one("GET /v1/elections/free"),
  },
  member_not_found: {
    ...{ status: 404, ...refused, detail: /^Node 9 is no member/ },
    by: one("POST /v1/cluster/leadership", jsonOf({ target: 9 })),
  },
  route_not_found: { status: 404, detail: /\/v1\/keys is not a path/, by: one("GET /v1/keys") },
  method_not_allowed: {
    ...{ status: 405, ...refused, detail: /^DELETE .*allowed are/ },
    headers: { Allow: "GET, HEAD" },
    by: one("DELETE /livez"),
  },
  request_timeout: {
    ...{ status: 408, ...refused, retryable: true, detail: /200 ms/ },
    by: async (places) => await broken(await places.one()),
  },
  conflict: {
    ...{ status: 409, ...refused, detail: /55/ },
    by: one("POST /v1/leases", jsonOf({ id: "55", ttl: "1m" }), async (ask) => {
      await ask("POST /v1/leases", jsonOf({ id: "55", ttl: "1m" }));
    }),
  },
  idempotency_expired: {
    ...{ status: 409, outcome: "unknown", detail: /numbers of this stream came later/ },
    by: one("PUT /v1/kv/a", keyed("stream;2"), async (ask) => {
      await ask("PUT /v1/kv/a", keyed("stream;1"));
      await ask("PUT /v1/kv/a", keyed("stream;300"));
    }),
  },
  membership_change_in_progress: {
    ...{
      status: 409,
      ...refused,
      retryable: true,
      detail: /configuration 17 is not complete yet$/,
    },
    members: { configuration: { index: 17, joint: true } },
    by: (places) => places.changing(),
  },
  would_lose_quorum: {
    ...{ status: 409, ...refused, detail: /^Node 1 is the last voter: / },
    by: one("DELETE /v1/cluster/members/1"),
  },
  lease_full: {
    ...{ status: 409, ...refused, detail: /10,?000/ },
    by: one("PUT /v1/kv/hung/more?lease=78", {}, (ask) => fillLease(ask, "78")),
  },
  value_type_mismatch: {
    ...{ status: 409, ...refused, detail: /integer/ },
    by: one("POST /v1/kv/text", jsonOf({ op: "add", value: 1 }), async (ask) => {
      await ask("PUT /v1/kv/text", { body: "no number" });
    }),
  },
  revision_compacted: {
    ...{ status: 410, detail: /^Revision 1 /, members: { oldest: 3 } },
    by: one("GET /v1/kv/a?revision=1", {}, async (ask) => {
      await ask("PUT /v1/kv/old", { body: "1" });
      await ask("PUT /v1/kv/old", { body: "2" });
      await ask("POST /v1/compactions", jsonOf({ revision: 3 }));
    }),
  },
  precondition_failed: {
    ...{ status: 412, ...refused, detail: /^held is at revision [0-9]+, If-Match wanted 999999$/ },
    by: one("PUT /v1/kv/held", { headers: { "If-Match": '"999999"' } }, async (ask) => {
      await ask("PUT /v1/kv/held", { body: "1" });
    }),
  },
  value_too_large: {
    ...{ status: 413, ...refused, detail: /8388609 bytes or more, allowed are 8388608$/ },
    by: one("PUT /v1/kv/a", { body: "x".repeat(8 * 1024 * 1024 + 1) }),
  },
  request_too_large: {
    ...{ status: 413, ...refused, detail: /1048577 bytes or more, allowed are 1048576$/ },
    by: one("PATCH /v1/kv/a", {
      headers: { "Content-Type": "application/merge-patch+json" },
      body: `"${"x".repeat(1024 * 1024 - 1)}"`,
    }),
  },
  target_too_long: {
    ...{ status: 414, detail: /allowed are 32768/ },
    by: one(`GET /v1/kv?prefix=${"x".repeat(32 * 1024)}`),
  },
  key_too_long: {
    ...{ status: 414, detail: /8193 bytes, allowed are 1 to 8192/ },
    by: one(`GET /v1/kv/${"x".repeat(8193)}`),
  },
  unsupported_media_type: {
    ...{ status: 415, ...refused, detail: /text\/html.*application\/merge-patch\+json/ },
    by: one("PATCH /v1/kv/a", { headers: { "Content-Type": "text/html" }, body: "{}" }),
  },
  wrong_cluster: {
    ...{ status: 421, ...refused, detail: /"other", this is the cluster "skein"/ },
    by: one("PUT /v1/kv/a", { headers: { "KV-Cluster-Id": "other" } }),
  },
  wrong_host: {
    ...{ status: 421, ...refused, detail: /evil\.example/ },
    by: one("PUT /v1/kv/a", { headers: { Host: "evil.example" } }),
  },
  idempotency_mismatch: {
    ...{ status: 422, ...refused, detail: /another request/ },
    by: one("PUT /v1/kv/a", keyed("once", "2"), async (ask) => {
      await ask("PUT /v1/kv/a", keyed("once"));
    }),
  },
  locked: {
    ...{ status: 423, ...refused, ...soon, detail: /^Lock taken is held by me, token [0-9]+$/ },
    by: one("POST /v1/locks/taken", ttl, async (ask) => {
      await ask("POST /v1/locks/taken", jsonOf({ ttl: "10m", owner: "me" }));
    }),
  },
  not_elected: {
    ...{ status: 423, ...refused, ...soon, detail: /^Election taken is led by token [0-9]+$/ },
    by: one("POST /v1/elections/taken", ttl, async (ask) => {
      await ask("POST /v1/elections/taken", ttl);
    }),
  },
  overloaded: {
    ...{ status: 429, ...soon, detail: /^1 leases? .*limit$/ },
    by: async (places) => {
      const node = await places.one();
      await refusalOf(node, "POST /v1/leases", jsonOf({ id: "56", ttl: "1h" }));
      const line = "GET /v1/leases/56/hold";
      return await beside(node, { line, first: "event: held" }, () => refusalOf(node, line));
    },
  },
  too_many_watches: {
    ...{ status: 429, ...soon, detail: /^1 watches are open on this node, which is the limit$/ },
    by: async (places) => {
      const node = await places.one();
      const line = "GET /v1/watch";
      return await beside(node, { line, first: "event: ready" }, () => refusalOf(node, line));
    },
  },
  headers_too_large: {
    ...{ status: 431, ...refused, detail: /bytes, allowed are 16384$/ },
    by: one("PUT /v1/kv/a", {
      headers: Object.fromEntries(
        Array.from({ length: 5 }, (_, at) => [`X-Fill-${at}`, "x".repeat(4_000)]),
      ),
    }),
  },
  internal: { status: 500, detail: /failed inside/, by: (places) => places.broken() },
  corruption_detected: nothingYet,
  no_leader: {
    ...{ status: 503, ...refused, ...soon, detail: /^No leader/ },
    by: async (places) => refusalOf((await places.alone()).node, "PUT /v1/kv/a?timeout=1s"),
  },
  leader_changed: {
    ...{ status: 503, outcome: "unknown", detail: /may be applied or not/ },
    by: async (places) => (await places.alone()).write,
  },
  too_stale: {
    ...{ status: 503, ...soon, detail: /1 ms/ },
    by: async (places) => {
      const line = "GET /v1/kv/a?consistency=eventual&max_staleness=1ms";
      return refusalOf((await places.alone()).node, line);
    },
  },
  draining: { status: 503, ...soon, detail: /shuts? down/, by: (places) => places.stopped() },
  not_ready: {
    ...{ status: 503, ...refused, ...soon, detail: /not formed yet/ },
    by: async (places) => refusalOf(await places.unformed(), "PUT /v1/kv/a"),
  },
  timeout: {
    ...{ status: 504, retryable: true, detail: /^min_revision is 999999999, .* come to [0-9]+$/ },
    by: one("GET /v1/kv/a?min_revision=999999999&timeout=50ms"),
  },
  out_of_space: {
    ...{
      status: 507,
      ...refused,
      retryable: true,
      detail: /bytes are free in .*, storage\.space_low_bytes is/,
    },
    by: async (places) => {
      const node = await places.full();
      // The node looks at its disk now and then.
      return await until(async () => {
        const answer = await refusalOf(node, "PUT /v1/kv/a");
        return answer.status !== 201 && answer.status !== 200 && answer;
      }, { what: "the node to find its disk full" });
    },
  },
};

describe("The table of errors", { timeout: 300_000 }, () => {
  const places = new ProblemPlaces();
  after(() => places.remove());

  it("has a row here for each code, with its status", () => {
    assert.deepEqual(Object.keys(rows).sort(), [...errorCodes].sort());
    for (const code of errorCodes) {
      const row = rows[code];
      if (row !== nothingYet) assert.equal(row.status, errorFacts(code).status, code);
    }
  });

  it("has no code without a row that something brings about", () => {
    const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts") && path !== "service/errors.ts")
      .map((path) => readFileSync(join(root, "src", path), "utf8"));
    for (const code of errorCodes) {
      if (rows[code] !== nothingYet) continue;
      // To name a code where codes are told apart brings nothing about.
      const producer = new RegExp(`(?<!case )"${code}"`);
      assert.equal(sources.some((text) => producer.test(text)), false, code);
    }
  });

  for (const code of errorCodes) {
    const row = rows[code];
    if (row === nothingYet) continue;
    it(`answers ${row.status} ${code}`, async () => judge(code, row, await row.by(places)));
  }
});

function judge(code: ErrorCode, row: Row, answer: Refused): void {
  const { line, status, headers, text } = answer;
  const said = `${line}: ${status} ${text}`.slice(0, 2_000);
  const problem = JSON.parse(text);
  assert.deepEqual([status, problem.code], [row.status, code], said);
  assert.equal(headers.get("Content-Type"), "application/problem+json", said);
  assert.deepEqual(
    [problem.type, problem.title, problem.status, problem.outcome, problem.retryable],
    [
      ...[`urn:skein:problem:${code}`, errorFacts(code).title, row.status],
      ...[row.outcome, row.retryable ?? false],
    ],
    said,
  );
  assert.match(problem.detail, row.detail, said);
  const issues = (problem.issues ?? []).map(({ path }: { readonly path: string }) => path);
  if (row.issues !== undefined) assert.deepEqual(issues, row.issues, said);
  for (const [name, value] of Object.entries(row.members ?? {})) {
    assert.deepEqual(problem[name], value, said);
  }
  for (const [name, value] of Object.entries(row.headers ?? {})) {
    assert.equal(headers.get(name), value, said);
  }
  assert.equal(/^[1-9][0-9]*$/.test(headers.get("Retry-After") ?? ""), row.again ?? false, said);
  assertDeclared(answer);
}

/** The document knows of it, where it knows the path. */
function assertDeclared({ line, status, headers, text }: Refused): void {
  const [method = "", target = ""] = line.split(" ");
  if (status === 404 && text.includes("route_not_found") || status === 405) return;
  headers.delete("connection");
  for (const name of ["date", "type"]) headers.delete(name);
  const response = new Response(null, { status, headers });
  const body = new TextEncoder().encode(text);
  assert.deepEqual(deviations(probeDocument, { method, target, response, body }), []);
}
