/** Three nodes in one process, over real SQLite, gRPC and HTTP: what a client sees of them. */

import { method } from "../../src/grpc/codec.ts";
import { TestGrpcClient } from "../harness/grpc_client.ts";
import { requestOnce } from "../harness/http_once.ts";
import {
  fetchOnce,
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { pause, until } from "../harness/wait.ts";

const transferMethod = method("skein.cluster.v1.RaftClusterService", "TransferLeadership");

let cluster: ServerCluster;

before(async () => {
  cluster = await makeServerCluster();
  await cluster.start();
});

after(() => cluster.remove());

async function put(node: ServedNode, key: string, value: string, options = ""): Promise<Response> {
  return await node.fetch(`/v1/kv/${key}${options}`, { method: "PUT", body: value });
}

/** The text of an answer that must have this status. */
async function textOf(response: Response, status = 200): Promise<string> {
  const text = await response.text();
  assert.equal(response.status, status, text);
  return text;
}

async function get(node: ServedNode, key: string, options = ""): Promise<string> {
  return await textOf(await node.fetch(`/v1/kv/${key}${options}`));
}

describe("A value", () => {
  it("can be written at every node and is read at every node, at both levels", async () => {
    for (const writer of cluster.nodes) {
      const written = await put(writer, `at-${writer.id}`, `by ${writer.id}`);
      await textOf(written, 201);
      const revision = written.headers.get("kv-revision");
      assert.equal(written.headers.get("etag"), `"${revision}"`);
      assert.equal(written.headers.get("kv-served-by"), String(writer.id));
      for (const reader of cluster.nodes) {
        assert.equal(await get(reader, `at-${writer.id}`), `by ${writer.id}`);
        const eventually = await reader.fetch(
          `/v1/kv/at-${writer.id}?consistency=eventual&min_revision=${revision}`,
        );
        assert.equal(await textOf(eventually), `by ${writer.id}`);
        assert.equal(eventually.headers.get("kv-consistency"), "eventual");
        assert.equal(eventually.headers.get("kv-served-by"), String(reader.id));
        assert.match(eventually.headers.get("kv-staleness-ms") ?? "", /^\d+$/);
      }
    }
  });

  it("is seen everywhere by who sends the revision of the own write back", async () => {
    for (let round = 0; round < 10; round++) {
      const writer = cluster.nodes[round % 3]!;
      const reader = cluster.nodes[(round + 1) % 3]!;
      const written = await put(writer, "mine", `${round}`);
      await textOf(written, round === 0 ? 201 : 200);
      const options = `?consistency=eventual&min_revision=${written.headers.get("kv-revision")}`;
      assert.equal(await get(reader, "mine", options), `${round}`);
    }
  });

  it("of a revision that nobody has come to is waited for, and then refused", async () => {
    const response = await cluster.node(2).fetch("/v1/kv/x?min_revision=99999&timeout=100ms");
    const problem = JSON.parse(await textOf(response, 504));
    assert.deepEqual([problem.code, problem.retryable], ["timeout", true]);
  });

  it("of megabytes gets through every node unharmed", async () => {
    const value = "0123456789abcdef".repeat(128 * 1024);
    for (const writer of cluster.nodes) {
      const written = await put(writer, "large", value);
      await textOf(written, writer.id === 1 ? 201 : 200);
      const reader = cluster.nodes[writer.id % 3]!;
      assert.equal((await get(reader, "large")).length, value.length);
    }
  });
});

describe("Conditional writes", () => {
  it("that race from three nodes: exactly one wins each round", async () => {
    let tag = "";
    for (let round = 0; round < 15; round++) {
      const headers: Record<string, string> = round === 0
        ? { "If-None-Match": "*" }
        : { "If-Match": tag };
      const answers = await Promise.all(
        cluster.nodes.map((node) =>
          node.fetch("/v1/kv/race", { method: "PUT", body: `${node.id} in ${round}`, headers })
        ),
      );
      const statuses = answers.map(({ status }) => status);
      const won = answers.filter(({ status }) => status === (round === 0 ? 201 : 200));
      assert.equal(won.length, 1, `${statuses}`);
      assert.equal(statuses.filter((status) => status === 412).length, 2, `${statuses}`);
      const winner = cluster.nodes[answers.indexOf(won[0]!)]!;
      tag = won[0]!.headers.get("etag") ?? "";
      for (const answer of answers) {
        const body = JSON.parse(await answer.text());
        if (answer === won[0]) continue;
        assert.deepEqual([body.code, body.outcome], ["precondition_failed", "not_applied"]);
        assert.equal(body.current.value, `${winner.id} in ${round}`);
      }
      for (const node of cluster.nodes) {
        assert.equal(await get(node, "race"), `${winner.id} in ${round}`);
      }
    }
  });
});

describe("The cluster, as a client sees it", () => {
  it("is seen from the leader with all that it knows", async () => {
    const settled = async () => {
      const leader = await cluster.leader();
      const seen = await leader.cluster();
      return seen.members.every(({ id, role, healthy, applied, match }) =>
        (role === "leader") === (id === leader.id) && healthy === true && applied !== null &&
        match !== null
      ) && { leader, seen };
    };
    const { leader, seen } = await until(settled, { what: "all members to be healthy" });
    assert.deepEqual([seen.cluster_id, seen.node_id], ["skein", leader.id]);
    assert.deepEqual(seen.leader, { id: leader.id, http: leader.url, rpc: leader.rpcAddress });
    assert.deepEqual(seen.members.map(({ id, suffrage, http }) => [id, suffrage, http]), [
      ...cluster.nodes.map(({ id, url }) => [id, "voter", url]),
    ]);
    for (const { id, role, lag_ms, version } of seen.members) {
      assert.equal(role, id === leader.id ? "leader" : "follower");
      assert.equal(typeof lag_ms, "number");
      assert.match(version ?? "", /^\d+\.\d+\.\d+/);
    }
  });

  it("is seen from a follower with what the leader knows, and its own role", async () => {
    const leader = await cluster.leader();
    for (const follower of cluster.others(leader)) {
      const expected = cluster.nodes.map(({ id }) => {
        const role = id === leader.id ? "leader" : "follower";
        return [role, "number", true];
      });
      // A peer is healthy while it was heard of late.
      await until(async () => {
        const seen = await follower.cluster();
        assert.deepEqual([seen.node_id, seen.leader?.id], [follower.id, leader.id]);
        const shown = seen.members.map(({ role, match, healthy }) => [role, typeof match, healthy]);
        assert.deepEqual(shown, expected);
        return true;
      }, { what: `node ${follower.id} to show what the leader knows` });
    }
  });

  it("sends a client to the leader that asks for it", async () => {
    const leader = await cluster.leader();
    const [follower] = cluster.others(leader);
    const redirected = await put(follower!, "redirected", "x", "?redirect=true");
    assert.equal(redirected.status, 307);
    const location = redirected.headers.get("location") ?? "";
    assert.ok(location.startsWith(`${leader.url}/v1/kv/redirected`), location);
    const followed = await fetchOnce(location, { method: "PUT", body: "x" });
    await textOf(followed, 201);
    assert.equal(followed.headers.get("kv-served-by"), String(leader.id));
    await textOf(await put(leader, "redirected", "y", "?redirect=true"));
  });
});

describe("Handing leadership over", () => {
  it("is asked by REST of any node, and answers once the new leader leads", async () => {
    for (const asked of cluster.nodes) {
      const leader = await cluster.leader();
      const target = cluster.others(leader)[0]!;
      const response = await asked.fetch("/v1/cluster/leadership", {
        method: "POST",
        body: JSON.stringify({ target: target.id }),
        headers: { "Content-Type": "application/json" },
      });
      assert.deepEqual(JSON.parse(await textOf(response)), { leader: target.id });
      assert.equal((await target.cluster()).leader?.id, target.id);
      await textOf(
        await put(asked, "after-transfer", String(asked.id)),
        asked.id === 1 ? 201 : 200,
      );
    }
  });

  it("is asked by gRPC of any node", async () => {
    for (const asked of cluster.nodes) {
      const leader = await cluster.leader();
      const target = cluster.others(leader)[0]!;
      const client = new TestGrpcClient(asked.rpcAddress);
      try {
        const { response } = await client.unary(transferMethod, { target: target.id });
        assert.equal(response.leader, target.id);
      } finally {
        client.close();
      }
      assert.equal((await cluster.leader()).id, target.id);
    }
  });

  it("to a stranger is refused, and changes nothing", async () => {
    const leader = await cluster.leader();
    for (const asked of [leader, cluster.others(leader)[0]!]) {
      const response = await asked.fetch("/v1/cluster/leadership", {
        method: "POST",
        body: JSON.stringify({ target: 9 }),
        headers: { "Content-Type": "application/json" },
      });
      const problem = JSON.parse(await textOf(response, 404));
      assert.deepEqual([problem.code, problem.outcome], ["member_not_found", "not_applied"]);
    }
    assert.equal((await cluster.leader()).id, leader.id);
  });
});

describe("A node that stops", () => {
  interface Writer {
    readonly failures: string[];
    written: number;
  }

  /** Writes one value after the other, each until it is acknowledged or fails for good. */
  async function writeUntil(isOver: () => boolean, writer: Writer, node: () => ServedNode) {
    for (let at = 1; !isOver(); at++) {
      for (;;) {
        const url = `${node().url}/v1/kv/steady`;
        const answer = await requestOnce({ method: "PUT", url, body: `${at}`, withinMs: 60_000 });
        if (answer.kind === "answered" && answer.status < 300) break;
        const problem = answer.kind === "answered" ? JSON.parse(answer.body) : undefined;
        if (answer.kind === "notSent" || problem?.retryable === true) {
          await pause(5);
          continue;
        }
        const failure = answer.kind === "answered"
          ? answer.body
          : `${answer.kind} ${answer.reason}`;
        writer.failures.push(failure);
        return;
      }
      writer.written = at;
    }
  }

  it("as leader hands over first: no request fails that may not be repeated", async () => {
    const leader = await cluster.leader();
    const others = cluster.others(leader);
    let isOver = false;
    const writers = cluster.nodes.map((): Writer => ({ failures: [], written: 0 }));
    const ends = cluster.nodes.map((preferred, at) =>
      writeUntil(() => isOver, writers[at]!, () => preferred.isRunning ? preferred : others[0]!)
    );
    const furtherWrites = async () => {
      const before = writers.map(({ written }) => written);
      const isWritten = () =>
        writers.every(({ written, failures }, at) =>
          written > before[at]! + 5 || failures.length > 0
        );
      await until(isWritten, { what: "further writes of every writer" });
    };
    await furtherWrites();
    const { term } = await leader.cluster();
    const loggedBefore = leader.lines.length;
    await leader.stop();
    const log = leader.lines.slice(loggedBefore).join("\n");
    const next = await cluster.leader();
    await furtherWrites();
    isOver = true;
    await Promise.all(ends);
    assert.deepEqual(writers.flatMap(({ failures }) => failures), []);
    assert.notEqual(next.id, leader.id);
    assert.match(log, new RegExp(`Leadership role=follower term=${term + 1} `));
  });

  it("is missed by nobody, and catches up when it is back on the same ports", async () => {
    const [stopped] = cluster.nodes.filter(({ isRunning }) => !isRunning);
    const [writer] = cluster.nodes.filter(({ isRunning }) => isRunning);
    let revision = "";
    for (let at = 0; at < 30; at++) {
      const written = await put(writer!, `missed-${at}`, `${at}`);
      revision = written.headers.get("kv-revision") ?? "";
      await textOf(written, 201);
    }
    await stopped!.start();
    const options = `?consistency=eventual&min_revision=${revision}`;
    await until(() => stopped!.isReady(), { what: "the node to be ready" });
    assert.equal(await get(stopped!, "missed-29", options), "29");
    assert.equal(await get(stopped!, "missed-0"), "0");
  });

  it("stops once, however often it is told to", async () => {
    const [node] = cluster.others(await cluster.leader());
    const { server } = node!;
    const stops = [server.stop(), server.stop(), node!.stop()];
    await Promise.all(stops);
    await server.stop();
    assert.deepEqual(await server.stopped, { code: 0 });
    const answer = await requestOnce({
      method: "GET",
      url: `${node!.url}/livez`,
      withinMs: 60_000,
    });
    assert.equal(answer.kind, "notSent");
    // Lock, database and ports are free: the same directory runs again in the same process.
    await node!.start();
    await until(() => node!.isReady(), { what: "the node to be ready" });
    assert.equal(await get(node!, "missed-3"), "3");
  });

  it("keeps a second one off its directory while it runs", async () => {
    const node = cluster.node(1);
    const again = node.again();
    await assert.rejects(again.start(), /is in use|already/);
    await until(() => node.isReady(), { what: "the node to be ready" });
  });
});

describe("Readiness", () => {
  it("is lost without a leader and comes back with one; liveness stays", async () => {
    const [first, second, third] = cluster.nodes;
    await until(() => first!.isReady(), { what: "node 1 to be ready" });
    await second!.stop();
    await third!.stop();
    const isLost = async () => (await first!.readiness()).status === 503;
    await until(isLost, { what: "node 1 to lose its leader" });
    assert.match((await first!.readiness()).text, /no leader is known/);
    assert.equal((await first!.fetch("/livez")).status, 200);
    assert.equal((await first!.fetch("/startupz")).status, 200);
    const refused = async () => {
      const response = await put(first!, "nobody", "x", "?timeout=100ms");
      // Of a body that came late no more can be said.
      return response.status === 408 ? undefined : JSON.parse(await textOf(response, 503));
    };
    const problem = await until(refused, { what: "a refusal" });
    assert.deepEqual([problem.code, problem.outcome, problem.retryable], [
      ...["no_leader", "not_applied", true],
    ]);
    // What was there is there, for who asks for no more.
    assert.equal(await get(first!, "mine", "?consistency=eventual"), "9");
    const stale = await first!.fetch("/v1/kv/mine?consistency=eventual&max_staleness=1ms");
    assert.equal(JSON.parse(await textOf(stale, 503)).code, "too_stale");
    await second!.start();
    await until(() => first!.isReady(), { what: "node 1 to be ready" });
    await textOf(await put(first!, "nobody", "x"), 201);
    await third!.start();
    await cluster.ready();
  });

  it("is not there before the cluster is formed, and says whom it waits for", async () => {
    const unformed = await makeServerCluster();
    try {
      const [first, second, third] = unformed.nodes;
      await first!.start();
      const awaits = async () => (await first!.readiness()).text.includes("node 2 at");
      await until(awaits, { what: "node 1 to say what it waits for" });
      assert.equal((await first!.readiness()).status, 503);
      assert.equal((await first!.fetch("/livez")).status, 200);
      const refused = await put(first!, "early", "x");
      const problem = JSON.parse(await textOf(refused, 503));
      assert.deepEqual([problem.code, problem.outcome], ["not_ready", "not_applied"]);
      // It can be stopped, and started again, before there is a cluster.
      await first!.stop();
      await Promise.all([first!.start(), second!.start(), third!.start()]);
      await unformed.ready();
      await textOf(await put(first!, "early", "x"), 201);
    } finally {
      await unformed.remove();
    }
  });
});
