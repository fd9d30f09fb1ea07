/**
 * What a client is told of a write whose replies are lost behind the append: `unknown`, for as long
 * as it is or may come to be applied, and `not_applied` only where that is proven. Three nodes,
 * real SQLite and gRPC, and wires between them that lose what they are told to.
 */

import { Prng } from "../../src/lib/prng.ts";
import { type Loss, PeerWires } from "../harness/peer_wires.ts";
import { freePorts } from "../harness/ports.ts";
import {
  makeServerCluster,
  type ServedNode,
  type ServerCluster,
} from "../harness/server_cluster.ts";
import { after, assert, before, beforeEach, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const clusterId = "unknown-outcomes";
let cluster: ServerCluster;
let wires: PeerWires;

before(async () => {
  cluster = await makeServerCluster();
  wires = new PeerWires(clusterId, await freePorts(3));
  await wires.open(cluster.nodes.map(({ rpcAddress }) => rpcAddress));
  const peersOf = (id: number) =>
    [...wires.addresses].filter(([other]) => other !== id).map(([id, addr]) => ({ id, addr }));
  await Promise.all(cluster.nodes.map((node) =>
    node.start({
      cluster_id: clusterId,
      peers: JSON.stringify(peersOf(node.id)),
      rpc_advertise_addr: wires.addresses.get(node.id)!,
    })
  ));
  await cluster.ready();
});

beforeEach(() => wires.heal());

after(async () => {
  await cluster.remove();
  await wires.close();
});

/** What a client was told of the write of a key. */
interface Told {
  readonly key: string;
  readonly status: number;
  readonly code: string | undefined;
  readonly outcome: string | undefined;
  readonly retryable: boolean | undefined;
  readonly retryAfter: string | null;
}

/** Each key is written once, and has its own name for a value. */
async function write(node: ServedNode, key: string, timeout: string): Promise<Told> {
  const path = `/v1/kv/${key}?timeout=${timeout}`;
  const response = await node.fetch(path, { method: "PUT", body: key });
  const body = await response.json();
  const isProblem = response.status >= 400;
  return {
    ...{ key, status: response.status, code: body.code, outcome: body.outcome },
    retryable: isProblem ? body.retryable : undefined,
    retryAfter: response.headers.get("Retry-After"),
  };
}

/** `count` writes at once, of keys under `name`. */
function writeMany(node: ServedNode, name: string, timeout: string, count = 8): Promise<Told[]> {
  const keys = Array.from({ length: count }, (_, at) => `${name}/${at}`);
  return Promise.all(keys.map((key) => write(node, key, timeout)));
}

interface Found {
  readonly key: string;
  readonly value: string;
  readonly version: number;
}

/** The records under a prefix as `node` has them, everything committed included. */
async function found(node: ServedNode, prefix: string): Promise<readonly Found[]> {
  const response = await node.fetch(`/v1/kv?prefix=${prefix}&limit=10000&timeout=60s`);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text).items;
}

/** Everything that was ever appended has been decided: a later write is applied at all nodes. */
async function settle(name: string): Promise<void> {
  wires.heal();
  await cluster.ready();
  const written = await until(async () => {
    const response = await cluster.nodes[0]!.fetch(`/v1/kv/settled/${name}`, { method: "PUT" });
    return response.status < 300 && response;
  }, { what: "a write behind all others" });
  const revision = written.headers.get("kv-revision");
  for (const node of cluster.nodes) {
    const path = `/v1/kv/settled/${name}?min_revision=${revision}&timeout=60s`;
    assert.equal((await node.fetch(path)).status, 200);
  }
}

/** What was told of each key is true at every node, now that no more can happen. */
async function judge(prefix: string, told: readonly Told[]): Promise<ReadonlySet<string>> {
  const [first, ...others] = await Promise.all(cluster.nodes.map((node) => found(node, prefix)));
  for (const other of others) assert.deepEqual(other, first);
  const records = new Map(first!.map((record) => [record.key, record]));
  for (const one of told) {
    const record = records.get(one.key);
    const said = JSON.stringify(one);
    if (one.status < 300) assert.ok(record !== undefined, `lost: ${said}`);
    if (one.outcome === "not_applied") assert.equal(record, undefined, `it is there: ${said}`);
    // Nothing may have been sent twice, for nothing was proof that it had not been appended.
    if (record !== undefined) assert.deepEqual([record.version, record.value], [1, one.key], said);
  }
  return new Set(records.keys());
}

/** Unknown, and no invitation to repeat what may have been applied. */
function assertUnknown(told: readonly Told[], codes: readonly string[]): void {
  for (const one of told) {
    const said = JSON.stringify(one);
    assert.equal(one.outcome, "unknown", said);
    assert.ok(codes.includes(String(one.code)), said);
    assert.equal(one.status, one.code === "timeout" ? 504 : 503, said);
    assert.deepEqual([one.retryable, one.retryAfter], [false, null], said);
  }
}

const others = (to: number, loss: Omit<Loss, "to" | "from">): readonly Loss[] =>
  cluster.nodes.filter(({ id }) => id !== to).map(({ id }) => ({ ...loss, to: id, from: to }));

describe("A write whose reply is lost behind the append", { timeout: 240_000 }, () => {
  it("is unknown when the leader's answer to a forward does not arrive in time", async () => {
    const leader = await cluster.leader();
    const [follower] = cluster.others(leader);
    // The way is there before, so that only the answer is missing.
    assert.equal((await write(follower!, "late/before", "60s")).status, 201);
    wires.lose({ kind: "forward", to: leader.id, way: "answers" });
    const told = await writeMany(follower!, "late", "800ms");
    assertUnknown(told, ["timeout", "leader_changed"]);
    const keys = told.map(({ key }) => key);
    await settle("late");
    const applied = await judge("late/", told);
    assert.deepEqual(keys.filter((key) => !applied.has(key)), [], "not_applied would be a lie");
  });

  it("is unknown when the connection to the leader breaks in between", async () => {
    const leader = await cluster.leader();
    const [, follower] = cluster.others(leader);
    assert.equal((await write(follower!, "cut/before", "60s")).status, 201);
    wires.lose({ kind: "forward", to: leader.id, way: "answers" });
    const writing = writeMany(follower!, "cut", "60s");
    await until(async () => (await found(leader, "cut/")).length === 9, {
      what: "the leader to have applied them",
    });
    wires.cutForwards(leader.id);
    const told = await writing;
    assertUnknown(told, ["leader_changed"]);
    await settle("cut");
    assert.equal((await judge("cut/", told)).size, 9);
  });

  it("is unknown at the leader and through others while followers' replies are lost", async () => {
    const leader = await cluster.leader();
    const [follower] = cluster.others(leader);
    assert.equal((await write(follower!, "acks/before", "60s")).status, 201);
    const swallowed = wires.swallowed.requests;
    wires.lose({ kind: "raft", to: leader.id, way: "requests" });
    const told = await Promise.all([
      writeMany(leader, "acks/leader", "1s"),
      writeMany(follower!, "acks/follower", "1s"),
    ]);
    assertUnknown(told.flat(), ["timeout", "leader_changed"]);
    assert.ok(wires.swallowed.requests > swallowed, "nothing was lost");
    await settle("acks");
    const applied = await judge("acks/", told.flat());
    const [atLeader = []] = told;
    assert.ok(atLeader.some(({ key }) => applied.has(key)), "not_applied would be a lie");
  });

  it("is unknown when the leader is deposed over it, though nobody else has it", async () => {
    const leader = await cluster.leader();
    const { term } = await leader.cluster();
    wires.lose(...others(leader.id, { kind: "raft", way: "requests" }));
    const told = await writeMany(leader, "deposed", "60s");
    assertUnknown(told, ["leader_changed"]);
    await settle("deposed");
    assert.ok((await leader.cluster()).term > term, "it was deposed");
    await judge("deposed/", told);
  });
});

describe("A write that cannot have been appended", { timeout: 240_000 }, () => {
  it("is not_applied where no connection to the leader came about", async () => {
    const leader = await cluster.leader();
    const [follower] = cluster.others(leader);
    wires.refuse(leader.id);
    // The first may still meet the connection that is being cut.
    await write(follower!, "refused/before", "300ms");
    const told = await writeMany(follower!, "refused", "300ms");
    for (const one of told) {
      assert.deepEqual([one.status, one.code, one.outcome, one.retryable], [
        ...[503, "no_leader", "not_applied", true],
      ], JSON.stringify(one));
      assert.match(one.retryAfter ?? "", /^[1-9]/);
    }
    await settle("refused");
    await judge("refused/", told);
  });
});

describe("Many writes over wires that lose at random", { timeout: 480_000 }, () => {
  it("are told nothing that is not so, and none is done twice", async () => {
    const prng = new Prng(7);
    const told: Told[] = [];
    const kinds = ["raft", "forward"] as const;
    const ways = ["requests", "answers"] as const;
    for (let round = 0; round < 8; round++) {
      const writing = cluster.nodes.flatMap((node) =>
        ["100ms", "500ms", "2s"].map((timeout) =>
          writeMany(node, `random/${round}-${node.id}-${timeout}`, timeout, 3)
        )
      );
      const to = 1 + prng.below(3);
      wires.lose({ kind: kinds[prng.below(2)]!, way: ways[prng.below(2)]!, to });
      if (prng.chance(1, 3)) wires.refuse(1 + prng.below(3));
      told.push(...(await Promise.all(writing)).flat());
      wires.heal();
    }
    await settle("random");
    await judge("random/", told);
    const outcomes = new Set(told.map(({ status, outcome }) => status < 300 ? "ok" : outcome));
    assert.ok(outcomes.has("ok") && outcomes.has("unknown"), [...outcomes].join(", "));
  });
});
