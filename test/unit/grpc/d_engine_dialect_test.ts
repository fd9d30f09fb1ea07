import { type CallContext, CallError, type OfferedMethod } from "../../../src/grpc/call.ts";
import { clientMethods } from "../../../src/grpc/client_methods.ts";
import { method, type MethodFacts, type Wire } from "../../../src/grpc/codec.ts";
import { utf8 } from "../../../src/lib/bytes.ts";
import { grpcStatus, ServiceError } from "../../../src/service/errors.ts";
import { backupsOf } from "../../harness/fake_backups.ts";
import {
  FakeClusterService,
  FakeKvService,
  fakeMember,
  watchesOf,
} from "../../harness/fake_services.ts";
import { assert, beforeEach, describe, it } from "../../harness/test.ts";

const clientService = "d_engine.client.RaftClientService";
const clusterService = "d_engine.server.cluster.ClusterManagementService";
const writeMethod = method(clientService, "HandleClientWrite");
const readMethod = method(clientService, "HandleClientRead");
const metadataMethod = method(clusterService, "GetClusterMetadata");
const leaderMethod = method(clusterService, "DiscoverLeader");

let kv: FakeKvService;
let cluster: FakeClusterService;
let methods: readonly OfferedMethod[];

beforeEach(() => {
  kv = new FakeKvService();
  cluster = new FakeClusterService();
  methods = clientMethods({
    kv,
    cluster,
    watches: watchesOf(kv),
    backups: backupsOf(kv),
    tls: false,
  });
  timeoutMs = undefined;
});

let timeoutMs: number | undefined;

function context(headers: Readonly<Record<string, string>>): CallContext {
  const { signal } = new AbortController();
  return { header: (name) => headers[name], timeoutMs, signal, peer: "127.0.0.1:1" };
}

/** Calls a method as the server does, bytes in and bytes out. */
async function call<Request, Response>(
  facts: MethodFacts<Request, Response>,
  request: Request,
  headers: Readonly<Record<string, string>> = {},
) {
  const found = methods.find(({ path }) => path === facts.path);
  assert.ok(found?.kind === "unary");
  const answer = await found.handle(facts.request.encode(request), context(headers));
  return { response: facts.response.decode(answer.message), headers: answer.headers ?? {} };
}

type Command = Wire["d_engine.client.WriteCommand"];

async function write(command: Command | undefined, headers: Readonly<Record<string, string>> = {}) {
  return await call(writeMethod, { clientId: 1, command }, headers);
}

const insert = (key: string, value: string, ttlSecs = 0): Command => ({
  insert: { key: utf8(key), value: utf8(value), ttlSecs },
});
const swap = (key: string, expected: string | undefined, value: string): Command => ({
  compareAndSwap: {
    key: utf8(key),
    expectedValue: expected === undefined ? undefined : utf8(expected),
    newValue: utf8(value),
  },
});

async function read(keys: readonly string[], consistencyPolicy?: number) {
  const { response } = await call(readMethod, {
    clientId: 1,
    keys: keys.map(utf8),
    consistencyPolicy,
  });
  return (response.readData?.results ?? []).map(({ key, value }) =>
    `${Buffer.from(key).toString()}=${Buffer.from(value).toString()}`
  );
}

describe("HandleClientWrite", () => {
  it("inserts and deletes", async () => {
    const inserted = await write(insert("a", "1"));
    assert.equal(inserted.response.error, 0);
    assert.equal(inserted.response.writeResult?.succeeded, true);
    assert.equal(inserted.headers["kv-revision"], "2");
    assert.deepEqual(await read(["a"]), ["a=1"]);
    const deleted = await write({ delete: { key: utf8("a") } });
    assert.equal(deleted.response.writeResult?.succeeded, true);
    assert.deepEqual(await read(["a"]), []);
    const again = await write({ delete: { key: utf8("a") } });
    assert.equal(again.response.writeResult?.succeeded, true);
  });

  it("swaps: a lost one is a success with succeeded=false", async () => {
    const outcome = async (command: Command) => {
      const { response } = await write(command);
      return [response.error, response.writeResult?.succeeded];
    };
    assert.deepEqual(await outcome(swap("a", undefined, "1")), [0, true]);
    assert.deepEqual(await outcome(swap("a", undefined, "2")), [0, false]);
    assert.deepEqual(await outcome(swap("a", "", "2")), [0, false]);
    assert.deepEqual(await outcome(swap("a", "1", "")), [0, true]);
    assert.deepEqual(await outcome(swap("a", "", "3")), [0, true]);
    assert.deepEqual(await outcome(swap("b", "x", "3")), [0, false]);
    assert.deepEqual(await read(["a", "b"]), ["a=3"]);
  });

  it("refuses what it cannot do, names it, and writes nothing", async () => {
    const cases: readonly (readonly [Command | undefined, RegExp])[] = [
      [
        insert("a", "1", 31_622_401),
        /^ttl_secs is 31622401, allowed are 1 … 31622400, 0 for none$/,
      ],
      [insert("a", "1", Number.MAX_SAFE_INTEGER), /^ttl_secs is 9007199254740991, /],
      [insert("", "1"), /key has 0 bytes, allowed are 1 … 8192/],
      [insert("k".repeat(8_193), "1"), /key has 8193 bytes, allowed are 1 … 8192/],
      [{ insert: { key: utf8("a"), value: new Uint8Array(8_388_609), ttlSecs: 0 } }, /8388609/],
      [{}, /command is missing/],
      [undefined, /command is missing/],
    ];
    for (const [command, message] of cases) {
      const { response } = await write(command);
      assert.equal(response.error, 4003);
      assert.match(response.metadata?.debugMessage ?? "", message);
      assert.equal(response.writeResult ?? undefined, undefined);
    }
    for (const key of ["", "x".repeat(256), "\u00e9", "a\nb"]) {
      const keyed = await write(insert("a", "1"), { "idempotency-key": key });
      assert.equal(keyed.response.error, 4003);
      assert.match(
        keyed.response.metadata?.debugMessage ?? "",
        /^idempotency-key is ".*", allowed are 1 to 255 printable characters of ASCII$/,
      );
    }
    assert.equal(kv.writes, 0);
  });

  it("says of an unknown outcome only that it is unknown", async () => {
    for (const code of ["timeout", "leader_changed", "internal", "overloaded"] as const) {
      kv.before = () => {
        throw new ServiceError(code, "The leader is gone", { outcome: "unknown" });
      };
      const { response } = await write(insert("a", "1"));
      assert.equal(response.error, 4006);
      assert.equal(response.metadata?.debugMessage, "outcome unknown");
    }
  });

  it("translates refusals, with the time to wait", async () => {
    const codes = {
      no_leader: 4005,
      draining: 4005,
      overloaded: 4004,
      out_of_space: 3001,
      corruption_detected: 3002,
      timeout: 1001,
      value_too_large: 4003,
    } as const;
    for (const [code, expected] of Object.entries(codes)) {
      kv.before = () => {
        throw new ServiceError(code as keyof typeof codes, `because of ${code}`, {
          outcome: "not_applied",
          retryAfterMs: 250,
        });
      };
      const { response } = await write(insert("a", "1"));
      assert.equal(response.error, expected, code);
      assert.equal(response.metadata?.retryAfterMs, 250);
      assert.equal(response.metadata?.debugMessage, `because of ${code}`);
    }
  });

  it("knows an applied write for a success, unless it was a swap", async () => {
    kv.after = () => {
      throw new ServiceError("timeout", "Applied, but unread", { outcome: "applied" });
    };
    const inserted = await write(insert("a", "1"));
    assert.deepEqual([inserted.response.error, inserted.response.writeResult?.succeeded], [
      0,
      true,
    ]);
    const swapped = await write(swap("a", "1", "2"));
    assert.notEqual(swapped.response.error, 0);
  });

  it("passes on what it cannot explain, for the server to hide", async () => {
    kv.before = () => {
      throw new TypeError("x is not a function");
    };
    await assert.rejects(write(insert("a", "1")), TypeError);
  });
});

describe("HandleClientRead", () => {
  it("refuses an answer above 16 MiB or what is configured, repeated keys counted", async () => {
    const value = new Uint8Array(8 * 1024 * 1024 - 3);
    kv.store.apply({ kind: "put", key: utf8("big"), value, conditions: {}, prev: false });
    const read = async (times: number) => {
      const keys = Array.from({ length: times }, () => utf8("big"));
      const { error, metadata, readData } =
        (await call(readMethod, { clientId: 1, keys })).response;
      return error === 0 ? readData?.results.length : `${error} ${metadata?.debugMessage}`;
    };
    assert.equal(await read(2), 2);
    assert.match(String(await read(3)), /^4003 .* more than 16777216 bytes, .*; ask for fewer/);
    methods = clientMethods({
      kv,
      cluster,
      watches: watchesOf(kv),
      backups: backupsOf(kv),
      tls: false,
      answerBytesMax: 8 * 1024 * 1024,
    });
    assert.equal(await read(1), 1);
    assert.match(String(await read(2)), /^4003 .* more than 8388608 bytes/);
  });

  it("reads no more of an answer that is refused than is needed to know", async () => {
    const value = new Uint8Array(8 * 1024 * 1024);
    kv.store.apply({ kind: "put", key: utf8("big"), value, conditions: {}, prev: false });
    let told = 0;
    const read = kv.store.read.bind(kv.store);
    kv.store.read = (query) => {
      const answer = read(query);
      if (answer.kind === "records") told += answer.records.length;
      return answer;
    };
    const keys = Array.from({ length: 10_000 }, () => utf8("big"));
    assert.equal((await call(readMethod, { clientId: 1, keys })).response.error, 4003);
    assert.equal(told, 2);
  });

  it("answers in the order asked and leaves out what is not there", async () => {
    await write(insert("a", "1"));
    await write(insert("c", ""));
    assert.deepEqual(await read(["c", "b", "a", "a"]), ["c=", "a=1", "a=1"]);
  });

  it("reads by a lease for 0, linearizably for 1 and absence, and locally for 2", async () => {
    const level = async (policy: number | undefined) => {
      await read(["a"], policy);
      return kv.lastRead?.options.level;
    };
    assert.equal(await level(0), "lease");
    assert.equal(await level(1), "linearizable");
    assert.equal(await level(2), "eventual");
    assert.equal(await level(undefined), "linearizable");
  });

  it("refuses other policies, no keys and bad keys", async () => {
    const refused = async (keys: readonly Uint8Array[], policy?: number) => {
      const request = { clientId: 1, keys, consistencyPolicy: policy };
      const { response } = await call(readMethod, request);
      return [response.error, response.metadata?.debugMessage];
    };
    assert.deepEqual(await refused([utf8("a")], 3), [
      4003,
      "consistency_policy is 3, allowed are 0, 1 and 2",
    ]);
    assert.equal((await refused([]))[0], 4003);
    assert.equal((await refused([new Uint8Array(0)]))[0], 4003);
    assert.equal((await refused([new Uint8Array(8_193)]))[0], 4003);
    assert.equal((await refused(Array.from({ length: 10_001 }, () => utf8("a"))))[0], 4003);
    assert.equal(kv.reads, 0);
  });

  it("hands on min-revision, x-request-id and the deadline, and says what it served", async () => {
    await write(insert("a", "1"));
    const request = { clientId: 1, keys: [utf8("a")] };
    const headers = { "min-revision": "2", "x-request-id": "r-7" };
    timeoutMs = 1_234;
    const answer = await call(readMethod, request, headers);
    assert.equal(kv.lastRead?.options.minRevision, 2);
    assert.equal(kv.lastRead?.options.requestId, "r-7");
    assert.equal(kv.lastRead?.options.timeoutMs, 1_234);
    assert.deepEqual(answer.headers, {
      "x-request-id": "r-7",
      "kv-revision": "2",
      "kv-served-by": "1",
      "kv-leader": "1",
      "kv-consistency": "linearizable",
    });
    timeoutMs = undefined;
    await call(readMethod, request);
    assert.equal(kv.lastRead?.options.timeoutMs, 5_000);
    timeoutMs = 999_999;
    await call(readMethod, request);
    assert.equal(kv.lastRead?.options.timeoutMs, 60_000);
  });

  it("refuses a min-revision that is no revision", async () => {
    for (const text of ["", "-1", "1.5", "x", "9007199254740992", "99999999999999999"]) {
      const request = { clientId: 1, keys: [utf8("a")] };
      const { response } = await call(readMethod, request, { "min-revision": text });
      assert.equal(response.error, 4003, text);
      assert.match(response.metadata?.debugMessage ?? "", /min-revision/);
    }
  });
});

describe("GetClusterMetadata and DiscoverLeader", () => {
  it("name a leader only when it may answer for its term, and is listed", async () => {
    const named = async () => {
      const { response } = await call(metadataMethod, {});
      const found = await call(leaderMethod, { nodeId: 0, requesterAddress: "" });
      assert.equal(found.response.leaderId, response.currentLeaderId ?? 0);
      return response.currentLeaderId ?? undefined;
    };
    assert.equal(await named(), 1);
    const { current } = cluster;
    cluster.current = { ...current, leaderReady: false };
    assert.equal(await named(), undefined);
    cluster.current = { ...current, leaderReady: undefined };
    assert.equal(await named(), undefined);
    cluster.current = { ...current, leader: undefined };
    assert.equal(await named(), undefined);
    cluster.current = { ...current, leader: 9 };
    assert.equal(await named(), undefined);
  });

  it("give addresses for clients, roles and states in d-engine's numbers", async () => {
    cluster.current = {
      ...cluster.current,
      configuration: { index: 17, joint: false },
      members: [
        fakeMember(1, { clientRpc: "node1:9091" }),
        fakeMember(2, { role: undefined }),
        fakeMember(3, { suffrage: "learner", role: "follower" }),
        fakeMember(4, { suffrage: "readOnly", role: undefined, rpc: undefined }),
        fakeMember(5, { role: "precandidate" }),
      ],
    };
    const { response } = await call(metadataMethod, {});
    assert.equal(response.version, 17);
    assert.deepEqual(
      response.nodes.map(({ id, address, role, status }) => [id, address, role, status]),
      [
        [1, "node1:9091", 3, 3],
        [2, "127.0.0.1:7411", 1, 3],
        [3, "127.0.0.1:7421", 4, 1],
        [4, "", 4, 2],
        [5, "127.0.0.1:7441", 2, 3],
      ],
    );
    const leader = await call(leaderMethod, { nodeId: 0, requesterAddress: "" });
    assert.equal(leader.response.leaderAddress, "node1:9091");
    assert.equal(leader.response.term, 2);
  });

  it("say https when clients connect with TLS", async () => {
    methods = clientMethods({
      kv,
      cluster,
      watches: watchesOf(kv),
      backups: backupsOf(kv),
      tls: true,
    });
    const { response } = await call(metadataMethod, {});
    assert.equal(response.nodes[0]?.address, "https://127.0.0.1:7401");
  });
});

describe("what is declared and not offered", () => {
  it("is UNIMPLEMENTED, and says what to use instead", async () => {
    await assert.rejects(
      call(method(clusterService, "UpdateClusterConf"), { id: 1, term: 1, version: 1 }),
      (error: unknown) =>
        error instanceof CallError && error.code === grpcStatus.unimplemented &&
        error.message ===
          "UpdateClusterConf is not offered; use skein.cluster.v1.RaftClusterService",
    );
    const offered = new Set(methods.map(({ path }) => path));
    for (const name of ["UpdateClusterConf", "JoinCluster"]) {
      assert.ok(offered.has(`/${clusterService}/${name}`));
    }
  });
});
