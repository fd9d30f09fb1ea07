/** Changing the members of three nodes in one process: over REST and gRPC, through any of them. */

import { method } from "../../src/grpc/codec.ts";
import { TestGrpcClient } from "../harness/grpc_client.ts";
import {
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const service = "skein.cluster.v1.RaftClusterService";
const json = { "Content-Type": "application/json" };
/** Nobody listens there. */
const absent = { rpc: "127.0.0.1:1", http: "http://127.0.0.1:2" };

/** The machine may be busy. */
const patient = { timeoutMs: 60_000 };

let cluster: ServerCluster;

before(async () => {
  cluster = await makeServerCluster();
  // Nobody is promoted but by the tests.
  await Promise.all(cluster.nodes.map((node) => node.start({ "raft.promote_learners": "false" })));
  await cluster.ready();
});

after(() => cluster.remove());

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

async function ask(node: ServedNode, line: string, body?: unknown): Promise<Asked> {
  const [verb = "", target = ""] = line.split(" ");
  const joint = target.includes("?") ? "&" : "?";
  const limit = target.includes("timeout=") ? "" : `${joint}timeout=60s`;
  const response = await node.fetch(target + limit, {
    method: verb,
    ...(body === undefined ? {} : { headers: json, body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

async function done(node: ServedNode, line: string, body?: unknown): Promise<Asked> {
  const asked = await ask(node, line, body);
  assert.ok(asked.status < 300, `${line}: ${JSON.stringify(asked.body)}`);
  return asked;
}

/** `1v 2v 4l` as this node sees it. */
async function members(node: ServedNode): Promise<string> {
  const { members } = await node.cluster();
  return members.map(({ id, suffrage }) => `${id}${suffrage.slice(0, 1)}`).join(" ");
}

async function everywhere(wanted: string): Promise<void> {
  for (const node of cluster.nodes) {
    const seen = async () => (await members(node)) === wanted;
    await until(seen, { what: `node ${node.id} to see ${wanted}` });
  }
}

describe("The members of a cluster", { timeout: 300_000 }, () => {
  it("are joined by a learner, through any node, once", async () => {
    const leader = await cluster.leader();
    const [follower] = cluster.others(leader);
    const offer = { incarnation: "00000000000000aa", ...absent };
    const added = await done(follower!, "POST /v1/cluster/members", offer);
    assert.deepEqual([added.status, added.body["id"], added.body["quorum"]], [201, 4, 2]);
    assert.equal(added.headers.get("Location"), "/v1/cluster/members/4");
    const again = await done(leader, "POST /v1/cluster/members", offer);
    assert.deepEqual([again.status, again.body["id"]], [200, 4]);
    await everywhere("1v 2v 3v 4l");
    const { body } = await done(follower!, "GET /v1/cluster/members/4");
    assert.deepEqual([body["suffrage"], body["rpc"]], ["learner", absent.rpc]);
  });

  it("do not let a learner vote that nobody hears", async () => {
    const [node] = cluster.nodes;
    const leader = await cluster.leader();
    const silent = async () => {
      const { body } = await ask(leader, "PATCH /v1/cluster/members/4", { suffrage: "voter" });
      assert.equal(body["code"], "conflict");
      return String(body["detail"]).startsWith("Node 4 cannot vote yet: ");
    };
    await until(silent, { what: "the refusal" });
    const { body } = await ask(node!, "PATCH /v1/cluster/members/9", { suffrage: "voter" });
    assert.deepEqual([body["code"], body["outcome"]], ["member_not_found", "not_applied"]);
  });

  it("are left by it, and its id is never used again", async () => {
    const [first, second] = cluster.nodes;
    const stale = await ask(second!, "DELETE /v1/cluster/members/4?if_match=c1");
    assert.deepEqual([stale.status, stale.body["code"]], [412, "precondition_failed"]);
    assert.match(stale.headers.get("ETag") ?? "", /^"c[0-9]+"$/);
    const dry = await done(second!, "DELETE /v1/cluster/members/4?dry_run=true");
    assert.deepEqual([dry.body["dry_run"], dry.body["id"]], [true, 4]);
    await done(first!, "GET /v1/cluster/members/4");
    // The cluster writes down where its members are, and so makes configurations of its own.
    const removed = await until(async () => {
      const { headers } = await done(first!, "GET /v1/cluster/members");
      const tag = encodeURIComponent(headers.get("ETag") ?? "");
      const removal = await ask(second!, `DELETE /v1/cluster/members/4?if_match=${tag}`);
      return removal.status !== 412 && removal;
    }, { what: "the removal" });
    assert.equal(removed.status, 200, JSON.stringify(removed.body));
    await everywhere("1v 2v 3v");
    const gone = await ask(first!, "DELETE /v1/cluster/members/4");
    assert.equal(gone.status, 404);
    assert.match(String(gone.body["detail"]), /^Node 4 is no member any more/);
    const reused = await ask(first!, "POST /v1/cluster/members", {
      ...{ id: 4, incarnation: "00000000000000bb" },
      ...absent,
    });
    assert.deepEqual([reused.status, reused.body["code"]], [409, "conflict"]);
    assert.match(String(reused.body["detail"]), /the next free id is 5$/);
  });

  it("cannot be joined by a node that nobody can ask who it is", async () => {
    const [node] = cluster.nodes;
    const { status, body } = await ask(node!, "POST /v1/cluster/members", absent);
    assert.deepEqual([status, body["code"], body["retryable"]], [409, "conflict", true]);
    assert.match(String(body["detail"]), /^Nobody answers at 127\.0\.0\.1:1: /);
  });

  it("are changed over gRPC likewise", async () => {
    const client = new TestGrpcClient(cluster.node(2).rpcAddress);
    try {
      const add = {
        ...{ incarnation: "00000000000000cc", suffrage: 3, rpc: absent.rpc, http: absent.http },
        dryRun: false,
      };
      const { response: added } = await client.unary(method(service, "AddNode"), add, patient);
      assert.deepEqual([added.id, added.added, added.nodes.length], [5, true, 4]);
      const removal = { id: added.id, dryRun: false };
      const { response: removed } = await client.unary(
        method(service, "RemoveNode"),
        removal,
        patient,
      );
      assert.deepEqual([removed.nodes.length, removed.quorum, removed.voters], [3, 2, 3]);
    } finally {
      client.close();
    }
    await everywhere("1v 2v 3v");
  });

  it("change back and forth what one of them decides, under writes", async () => {
    const leader = await cluster.leader();
    const [other] = cluster.others(leader);
    let isOver = false;
    const writing = (async () => {
      for (let round = 0; !isOver; round++) {
        const written = await leader.fetch("/v1/kv/under?timeout=60s", {
          method: "PUT",
          body: `${round}`,
        });
        assert.ok(written.status < 300, await written.text());
      }
    })();
    try {
      for (const suffrage of ["learner", "voter", "read_only", "learner", "voter"]) {
        const path = `/v1/cluster/members/${other!.id}`;
        const { body } = await done(other!, `PATCH ${path}`, { suffrage });
        assert.equal(body["quorum"], 2, suffrage);
        await everywhere(
          cluster.nodes.map(({ id }) => `${id}${id === other!.id ? suffrage[0] : "v"}`).join(" "),
        );
      }
    } finally {
      isOver = true;
      await writing;
    }
  });

  it("are left by their leader, who hands over first", async () => {
    const leader = await cluster.leader();
    const [follower] = cluster.others(leader);
    const left = await done(leader, `DELETE /v1/cluster/members/${leader.id}`);
    assert.deepEqual([left.body["quorum"], left.body["voters"]], [2, 2]);
    const seen = await follower!.cluster();
    assert.notEqual(seen.leader?.id, leader.id);
    assert.deepEqual(
      seen.members.map(({ id }) => id),
      cluster.others(leader).map(({ id }) => id),
    );
    const written = await follower!.fetch("/v1/kv/after", { method: "PUT", body: "1" });
    assert.equal(written.status, 201, await written.text());
    await leader.stop();
    // Two voters, one of them dead: nobody can be spared.
    const now = await cluster.leader();
    const [last] = cluster.others(leader, now);
    const refused = await ask(now, `DELETE /v1/cluster/members/${now.id}?dry_run=true`);
    assert.equal(refused.status, 200, "while both live one may go");
    await last!.stop();
    const alone = async () => {
      const { body } = await ask(now, `DELETE /v1/cluster/members/${now.id}?timeout=1s`);
      return body["code"] === "would_lose_quorum" || body["code"] === "no_leader";
    };
    await until(alone, { what: "the refusal" });
  });
});
