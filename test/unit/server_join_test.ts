/** How a node asks a cluster to take it in, and what it makes of the answers. */

import { strictText } from "../../src/lib/bytes.ts";
import { Joining, type JoinOutcome, type JoinWish } from "../../src/server_join.ts";
import { assert, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const a = "http://a:7400";
const b = "http://b:7400";

const members = [{ id: 3, rpc: "c:7401" }, { id: 1, rpc: "a:7401" }];
const view = { cluster_id: "prod", members };
const taken = { id: 4, members: [...members, { id: 4, rpc: "n4:1" }] };

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** What a node answers to one request: a document, a problem, or nothing. */
type Reply =
  | { readonly status: number; readonly json: unknown }
  | "refused connection"
  | "silence";

const ok = (json: unknown): Reply => ({ status: 200, json });
const problem = (status: number, code: string, more: object = {}): Reply => ({
  status,
  json: { type: `urn:skein:problem:${code}`, code, detail: `It is ${code}`, ...more },
});

/** Nodes whose answers are given, by method and URL; each list is used up, but for its last one. */
class FakeCluster {
  readonly asked: Asked[] = [];
  readonly waited: string[] = [];
  readonly #replies: Map<string, Reply[]>;
  rounds = 0;

  constructor(replies: Readonly<Record<string, readonly Reply[]>>) {
    this.#replies = new Map(Object.entries(replies).map(([at, list]) => [at, [...list]]));
  }

  join(wish: Partial<JoinWish> = {}, rounds = Infinity): Promise<JoinOutcome> {
    return this.joining(wish).run(rounds);
  }

  joining(wish: Partial<JoinWish> = {}): Joining {
    return new Joining({
      ...{ urls: [a], clusterId: undefined, nodeId: undefined },
      ...{ incarnation: "0123456789abcdef", suffrage: "learner" },
      addresses: { rpc: "n4:1", http: "http://n4:2" },
      ...wish,
    }, {
      waiting: (text) => this.waited.push(text),
      pause: () => {
        this.rounds++;
        return Promise.resolve();
      },
      fetch: async (url, init) => await this.#answer(url, init),
    });
  }

  async #answer(url: string, init: RequestInit): Promise<Response> {
    const { origin, pathname } = new URL(url);
    const method = init.method ?? "GET";
    const sent = init.body === undefined ? undefined : new Uint8Array(
      await new Response(init.body).arrayBuffer(),
    );
    this.asked.push({
      ...{ method, url: origin + pathname },
      headers: Object.fromEntries(new Headers(init.headers)),
      body: sent && JSON.parse(strictText(sent) ?? ""),
    });
    const list = this.#replies.get(`${method} ${origin}`) ?? [];
    const reply = list.length > 1 ? list.shift() : list[0];
    if (reply === undefined || reply === "refused connection") {
      throw Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    }
    if (reply !== "silence") {
      return new Response(JSON.stringify(reply.json), { status: reply.status });
    }
    const gone = Promise.withResolvers<never>();
    init.signal?.addEventListener("abort", () => gone.reject(new Error("aborted")));
    return await gone.promise;
  }
}

describe("A node that asks a cluster to take it in", () => {
  it("says who and where it is, and is told its id and the other members", async () => {
    const cluster = new FakeCluster({ [`GET ${a}`]: [ok(view)], [`POST ${a}`]: [ok(taken)] });
    assert.deepEqual(await cluster.join(), {
      ...{ kind: "taken", clusterId: "prod", nodeId: 4 },
      members: [{ id: 1, address: "a:7401" }, { id: 3, address: "c:7401" }],
    });
    const [, post] = cluster.asked;
    assert.equal(post?.url, `${a}/v1/cluster/members`);
    assert.equal(post?.headers["kv-cluster-id"], "prod");
    assert.deepEqual(post?.body, {
      ...{ incarnation: "0123456789abcdef", suffrage: "learner" },
      ...{ rpc: "n4:1", http: "http://n4:2" },
    });
  });

  it("says as well which id it wants, what it is to be, and where clients find it", async () => {
    const cluster = new FakeCluster({ [`GET ${a}`]: [ok(view)], [`POST ${a}`]: [ok(taken)] });
    await cluster.join({
      ...{ nodeId: 9, suffrage: "read_only", clusterId: "prod" },
      addresses: { rpc: "n:1", http: "http://n:2", clientRpc: "n:3" },
    });
    assert.deepEqual(cluster.asked[1]?.body, {
      ...{ id: 9, incarnation: "0123456789abcdef", suffrage: "read_only" },
      ...{ rpc: "n:1", http: "http://n:2", client_rpc: "n:3" },
    });
  });

  it("asks node after node, round after round, and says once what it waits for", async () => {
    const unformed = ok({ cluster_id: "", members: [] });
    const cluster = new FakeCluster({
      [`GET ${a}`]: ["refused connection"],
      [`GET ${b}`]: [unformed, unformed, unformed, ok(view)],
      [`POST ${b}`]: [ok(taken)],
    });
    const outcome = await cluster.join({ urls: [a, b] });
    assert.deepEqual([outcome.kind, cluster.rounds], ["taken", 3]);
    assert.deepEqual(cluster.waited, [
      `${a} (no connection), ${b} (it is no member of a cluster yet)`,
    ]);
  });

  it("asks again when it cannot know what became of it, or may be taken in later", async () => {
    const later: readonly Reply[] = [
      problem(503, "no_leader", { outcome: "unknown" }),
      problem(409, "membership_change_in_progress", { retryable: false, outcome: "unknown" }),
      problem(504, "timeout", { outcome: "unknown" }),
      { status: 404, json: "a page of a proxy" },
      ok({ id: "four" }),
    ];
    const cluster = new FakeCluster({
      [`GET ${a}`]: [ok(view)],
      [`POST ${a}`]: [...later, ok(taken)],
    });
    assert.equal((await cluster.join()).kind, "taken");
    assert.equal(cluster.rounds, later.length);
    const bodies = cluster.asked.flatMap(({ method, body }) => method === "POST" ? [body] : []);
    assert.equal(new Set(bodies.map((body) => JSON.stringify(body))).size, 1);
  });

  it("gives up after so many rounds, where it was told how many", async () => {
    const cluster = new FakeCluster({});
    assert.deepEqual([await cluster.join({}, 2), cluster.rounds], [{ kind: "unanswered" }, 1]);
  });

  it("is refused by a cluster of another name, and asks it for nothing", async () => {
    const cluster = new FakeCluster({ [`GET ${a}`]: [ok(view)], [`POST ${a}`]: [ok(taken)] });
    assert.deepEqual(await cluster.join({ clusterId: "test" }), {
      kind: "refused",
      reason: `cluster_id is "test", and ${a} belongs to the cluster "prod"`,
    });
    assert.deepEqual(cluster.asked.map(({ method }) => method), ["GET"]);
  });

  it("is refused for good in the cluster's words", async () => {
    const refusals = [problem(409, "conflict"), problem(400, "bad_request"), problem(403, "no")];
    for (const refusal of refusals) {
      const cluster = new FakeCluster({ [`GET ${a}`]: [ok(view)], [`POST ${a}`]: [refusal] });
      const outcome = await cluster.join();
      assert.equal(outcome.kind, "refused");
      assert.match(
        outcome.kind === "refused" ? outcome.reason : "",
        /^http:\/\/a:7400 says: It is/,
      );
    }
  });

  it("stops when it is told to, whoever is being asked", async () => {
    const silences: readonly Readonly<Record<string, readonly Reply[]>>[] = [
      { [`GET ${a}`]: ["silence"] },
      { [`GET ${a}`]: [ok(view)], [`POST ${a}`]: ["silence"] },
    ];
    for (const [at, replies] of silences.entries()) {
      const cluster = new FakeCluster(replies);
      const joining = cluster.joining();
      const outcome = joining.run(Infinity);
      await until(() => cluster.asked.length > at, { what: "the question" });
      joining.stop();
      assert.deepEqual(await outcome, { kind: "stopped" });
      assert.deepEqual(cluster.waited, []);
    }
  });
});
