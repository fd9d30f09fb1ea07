import { existsSync } from "node:fs";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { assert, describe, it } from "../../harness/test.ts";
import { requestOnce } from "../../harness/http_once.ts";
import { Load } from "../../harness/load.ts";
import { callRest } from "../../harness/rest_calls.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { assertLinearizable } from "../../harness/verdict.ts";
import { until } from "../../harness/wait.ts";
import { type Faults, serveStandIn } from "./stand_in_store.ts";
import { Prng } from "../../../src/lib/prng.ts";
import type { Call } from "../../harness/history.ts";

/** The history of a short load on a stand-in with these faults. */
async function runLoad(faults: Faults, calls: number): Promise<readonly Call[]> {
  const server = await serveStandIn(faults);
  const load = new Load({ urls: () => [server.url], clients: 4, keys: 3, seed: 1 });
  await until(() => load.history.calls().length >= calls, { what: `${calls} calls` });
  await load.stop();
  await load.readBack();
  await server.close();
  return load.history.calls();
}

/** True once in so many times, by a seed. */
function oneIn(count: number): () => boolean {
  const prng = new Prng(count);
  return () => prng.chance(1, count);
}

describe("Load", () => {
  it("records a correct store's answers of every kind, and they are linearizable", async () => {
    const calls = await runLoad({}, 300);
    const kinds = new Set(
      calls.map(({ operation, outcome }) => `${operation.kind} ${outcome.kind}`),
    );
    const wanted = ["get found", "get absent", "put written", "cas written"];
    for (const kind of [...wanted, "cas conditionFailed", "delete deleted"]) {
      assert.ok(kinds.has(kind), `${kind} is not among ${[...kinds].join(", ")}`);
    }
    using dir = makeTempDir();
    assertLinearizable(calls, dir.path);
  });

  it("takes lost answers for unknown and refusals for not applied", async () => {
    const calls = await runLoad({ loseAnswer: oneIn(10), refuse: oneIn(12) }, 300);
    const kinds = new Set(calls.map(({ outcome }) => outcome.kind));
    assert.ok(kinds.has("unknown") && kinds.has("notApplied"));
    using dir = makeTempDir();
    assertLinearizable(calls, dir.path);
    const generations = new Set(calls.map(({ operation }) => operation.key));
    assert.ok(generations.size >= 3);
  });

  it("leaves a key that has lost twenty writes for a fresh one", async () => {
    const calls = await runLoad({ loseAnswer: oneIn(2) }, 300);
    const lost = new Map<string, number>();
    for (const { operation, outcome } of calls) {
      if (outcome.kind !== "unknown" || operation.kind === "get") continue;
      lost.set(operation.key, (lost.get(operation.key) ?? 0) + 1);
    }
    assert.ok(lost.size > 3);
    // Calls that are under way when the twentieth is lost may still add to it.
    assert.ok(Math.max(...lost.values()) <= 20 + 3, JSON.stringify([...lost]));
  });

  for (const fault of ["staleRead", "dropWrite"] as const) {
    it(`finds a store out that does a ${fault} now and then`, async () => {
      const calls = await runLoad({ [fault]: oneIn(30) }, 600);
      using dir = makeTempDir();
      assert.throws(() => assertLinearizable(calls, dir.path), /is not linearizable/);
      assert.ok(existsSync(join(dir.path, "history.jsonl")));
      assert.ok(existsSync(join(dir.path, "timeline.html")));
    });
  }
});

describe("outcomes of REST calls", () => {
  const put = { kind: "put", key: "k", value: "v" } as const;

  it("a refused connection is proof that nothing was applied", async () => {
    const server = await serveStandIn();
    await server.close();
    const outcome = await callRest(put, { url: server.url, withinMs: 30_000 });
    assert.equal(outcome.kind, "notApplied");
  });

  it("a connection that ends, a time-out and an answer cut short are unknown", async () => {
    const behaviours = ["", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", "hang"];
    for (const text of behaviours) {
      const server = createTcpServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => text === "hang" || socket.end(text));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      assert.ok(address !== null && typeof address === "object");
      const url = `http://127.0.0.1:${address.port}`;
      const outcome = await callRest(put, { url, withinMs: text === "hang" ? 50 : 30_000 });
      assert.equal(outcome.kind, "unknown", JSON.stringify(outcome));
      server.close();
    }
  });

  it("only the promise makes a refusal not applied, any other answer is unknown", async () => {
    const answer = async (status: number, body: string): Promise<string> => {
      const text = `HTTP/1.1 ${status} X\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      const server = createTcpServer((socket) => {
        socket.once("data", () => socket.end(text));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      assert.ok(address !== null && typeof address === "object");
      const url = `http://127.0.0.1:${address.port}`;
      const { kind } = await callRest(put, { url, withinMs: 30_000 });
      server.close();
      return kind;
    };
    assert.equal(await answer(503, '{"outcome":"not_applied"}'), "notApplied");
    assert.equal(await answer(504, '{"outcome":"unknown"}'), "unknown");
    assert.equal(await answer(500, "oops"), "unknown");
    assert.equal(await answer(200, "{}"), "unknown");
  });

  it("reads answers in chunks", async () => {
    const server = createTcpServer((socket) => {
      socket.once("data", () => {
        const body = "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === "object");
    const url = `http://127.0.0.1:${address.port}/`;
    const answer = await requestOnce({ method: "GET", url, withinMs: 30_000 });
    assert.equal(answer.kind === "answered" && answer.body, "abcde");
    server.close();
  });
});
