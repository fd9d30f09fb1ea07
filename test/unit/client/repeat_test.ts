/** Writes that are sent again: applied once, whatever becomes of their answers. */

import { Client } from "../../../src/client/client.ts";
import { Doubt } from "../../../src/client/doubt.ts";
import { AnswerError, UnreachableError } from "../../../src/client/errors.ts";
import { IdempotencyKeys } from "../../../src/client/idempotency.ts";
import { type Silence, silenceError } from "../../../src/client/silence.ts";
import { HttpProbe } from "../../harness/http_probe.ts";
import { assert, beforeEach, describe, it } from "../../harness/test.ts";
import { pause, until } from "../../harness/wait.ts";

/** What becomes of a request, and of its answer. */
type Fate = "answered" | "unsent" | "lost before" | "lost after" | Response;

interface Asked {
  readonly host: string;
  readonly key: string | null;
  readonly pathname: string;
}

let probe: HttpProbe;
let asked: Asked[];

beforeEach(() => {
  probe = new HttpProbe();
  asked = [];
});

/** A client of three nodes over one store; `fate` is asked with the number of the request. */
function clientOf(fate: (nth: number) => Fate | Promise<Fate>, timeoutMs = 60_000): Client {
  return new Client({
    endpoints: ["http://127.0.0.1:1", "http://127.0.0.2:2", "http://127.0.0.3:3"],
    timeoutMs,
    async fetch(url, init) {
      const { hostname, pathname } = new URL(url);
      const request = new Request(url, init);
      asked.push({ host: hostname, key: request.headers.get("idempotency-key"), pathname });
      const decided = await fate(asked.length);
      if (decided instanceof Response) return decided;
      if (decided === "unsent") throw Object.assign(new Error("x"), { code: "ECONNREFUSED" });
      if (decided === "lost before") throw new Error("connection closed");
      const response = await probe.app.fetch(request, {});
      if (decided === "answered") return response;
      await response.arrayBuffer();
      throw new Error("connection closed");
    },
  });
}

function problem(status: number, members: Readonly<Record<string, unknown>>): Response {
  const type = "urn:skein:problem:x";
  const document = { type, detail: "Said so", code: "x", retryable: false, ...members };
  return new Response(JSON.stringify(document), { status });
}

function lostAt(url: string): Silence {
  return { kind: "lost", url, reason: "closed", timedOut: false };
}

async function errorOf(work: Promise<unknown>): Promise<AnswerError | UnreachableError> {
  const error = await work.then(() => undefined, (caught: unknown) => caught);
  assert.ok(error instanceof AnswerError || error instanceof UnreachableError, String(error));
  return error;
}

async function value(key: string): Promise<string> {
  return (await probe.ask(`GET /v1/kv/${key}`)).text;
}

const numberOf = ({ key }: Asked): number => Number(key?.split(";")[1]);

describe("a write that is sent again", () => {
  it("is applied once when its answer is lost, and gets that answer at another node", async () => {
    const client = clientOf((nth) => nth === 2 ? "lost after" : "answered");
    assert.equal((await client.add("n", 5)).value, 5n);
    assert.deepEqual(await client.add("n", 5), { revision: 3, create: 2, version: 2, value: 10n });
    assert.equal(await value("n"), "10");
    const [first, second, third] = asked;
    assert.equal(third!.key, second!.key);
    assert.notEqual(third!.host, second!.host);
    assert.match(first!.key!, /^[A-Za-z0-9_-]{16,};1$/);
    assert.equal(second!.key, first!.key!.replace(/1$/, "2"));
  });

  it("is applied once, each of many at the same time", async () => {
    const fates: readonly Fate[] = ["lost after", "answered", "lost before", "answered"];
    const client = clientOf((nth) => fates[nth % fates.length]!);
    const all = Array.from({ length: 400 }, () => client.add("n"));
    const sums = (await Promise.all(all)).map((result) => Number(result.value));
    assert.equal(await value("n"), "400");
    assert.deepEqual(sums.toSorted((a, b) => a - b), sums.map((_, at) => at + 1));
  });

  it("waits until the time is over for somebody who answers, and then says unknown", async () => {
    const client = clientOf((nth) => nth === 1 ? "lost after" : "unsent", 400);
    const { code, outcome, message } = await errorOf(client.add("n"));
    assert.deepEqual([code, outcome], ["unreachable", "unknown"]);
    assert.match(message, /connection closed/);
    assert.ok(asked.length > 3, "more than one round");
    assert.equal(new Set(asked.map(({ key }) => key)).size, 1);
  });

  it("does not wait where no attempt has left", async () => {
    const client = clientOf(() => "unsent");
    const { outcome } = await errorOf(client.put("a", "1"));
    assert.deepEqual([outcome, asked.length], ["not_applied", 3]);
  });

  it("stays unknown when the door of another node refuses it", async () => {
    const refusals = [
      problem(400, { code: "bad_request", outcome: "not_applied" }),
      problem(503, { code: "no_leader", outcome: "not_applied", retryable: true }),
    ];
    for (const refusal of refusals) {
      asked = [];
      const client = clientOf((nth) => nth === 1 ? "lost after" : refusal.clone(), 300);
      const { outcome, message } = await errorOf(client.add("n"));
      assert.equal(outcome, "unknown");
      assert.match(message, /connection closed; asked again: Said so$/);
    }
  });

  it("is not said to be asked again where no time was left", () => {
    const doubt = new Doubt();
    doubt.lost(silenceError("write", [lostAt("http://127.0.0.1:1")]), performance.now());
    const told = doubt.told(silenceError("write", []));
    assert.deepEqual([told.outcome, told.message], ["unknown", "http://127.0.0.1:1: closed"]);
  });

  it("is refused for good where the store has decided so", async () => {
    await clientOf(() => "answered").put("a", "1");
    asked = [];
    const client = clientOf((nth) => nth === 1 ? "lost after" : "answered");
    const error = await errorOf(client.put("a", "2", { ifAbsent: true }));
    assert.deepEqual([error.code, error.outcome], ["precondition_failed", "not_applied"]);
    assert.equal(asked.length, 2);
  });

  it("goes on after an answer that knows no outcome", async () => {
    const unknown = { outcome: "unknown" };
    for (
      const response of [
        problem(504, { ...unknown, code: "timeout", retryable: true }),
        problem(503, { ...unknown, code: "leader_changed" }),
        new Response("<html>", { status: 502 }),
      ]
    ) {
      asked = [];
      await clientOf((nth) => nth === 1 ? response : "answered").put("a", "1");
      assert.equal(asked.length, 2);
    }
    const broken = problem(500, { ...unknown, code: "internal" });
    const error = await errorOf(clientOf(() => broken.clone()).put("a", "1"));
    assert.deepEqual([error.code, error.outcome], ["internal", "unknown"]);
  });

  it("goes under the caller's own key where there is one", async () => {
    const client = clientOf(() => "answered");
    await client.add("n", 1, { idempotencyKey: "job 7" });
    await clientOf(() => "answered").add("n", 1, { idempotencyKey: "job 7" });
    assert.deepEqual(asked.map(({ key }) => key), ["job 7", "job 7"]);
    assert.equal(await value("n"), "1");
    const error = await errorOf(client.add("n", 2, { idempotencyKey: "job 7" }));
    assert.deepEqual([error.code, error.outcome], ["idempotency_mismatch", "not_applied"]);
  });

  it("says that it lacks what was read the first time", async () => {
    await clientOf(() => "answered").put("a", "1");
    asked = [];
    const client = clientOf((nth) => nth % 2 === 1 ? "lost after" : "answered");
    const put = await client.put("a", "2", { prev: true });
    assert.deepEqual([put.prev, put.resultsOmitted], [undefined, true]);
    const txn = await client.txn({
      then: [{ get: { key: "a" } }, { put: { key: "b", value: "3" } }],
    });
    assert.deepEqual(txn.results.map(({ kind }) => kind), ["omitted", "put"]);
    assert.equal(txn.resultsOmitted, true);
  });

  it("is never repeated where it carries no key", async () => {
    const client = clientOf(() => "lost after");
    const { outcome } = await errorOf(client.transferLeadership(2));
    assert.deepEqual([outcome, probe.cluster.transfers, asked.length], ["unknown", 1, 1]);
    assert.equal(asked[0]!.key, null);
  });

  it("stays among the numbers that a cluster remembers, however long one takes", async () => {
    let release = (): void => {};
    const stuck = new Promise<Fate>((resolve) => {
      release = () => resolve("lost before");
    });
    const client = clientOf((nth) => nth === 1 ? stuck : "answered");
    const all = Array.from({ length: 300 }, () => client.add("n"));
    await until(() => asked.length === 256, { what: "all numbers that the first one leaves" });
    await Promise.all(all.slice(1, 256));
    assert.equal(Math.max(...asked.map(numberOf)), 256);
    release();
    await Promise.all(all);
    assert.equal(await value("n"), "300");
  });
});

describe("the keys of a client", () => {
  it("are given in order, one a write, to those who wait as well", async () => {
    const keys = new IdempotencyKeys();
    const held = Array.from({ length: 256 }, () => keys.take(0));
    const first = await held[0]!;
    const inVain = await keys.take(1);
    const waits = keys.take(Infinity);
    // A timer without an end that is over at once would be over before this one.
    await pause(5);
    first!.release();
    const next = await waits;
    assert.equal(inVain, undefined, "whoever has gone takes no number");
    assert.match(next!.key, /;257$/);
  });

  it("have a name that nobody else has", async () => {
    const names = await Promise.all(
      Array.from({ length: 100 }, async () => (await new IdempotencyKeys().take(0))!.key),
    );
    assert.equal(new Set(names).size, 100);
  });
});
