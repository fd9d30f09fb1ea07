/**
 * A cluster of real processes, and clients that nobody here wrote: each has the same conversation
 * with it, by the .proto files or by reflection, a part at each node, so that most calls meet a
 * node that has to forward them.
 *
 * Clients in other languages are used where the machine has them; SKEIN_FOREIGN=1 fetches them.
 */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import protobuf from "protobufjs";
import { descriptorFiles } from "../../src/grpc/descriptors.gen.ts";
import {
  type ForeignClient,
  GrpcJsClient,
  GrpcurlClient,
  ProgramClient,
} from "../harness/foreign_clients.ts";
import {
  generateStubs,
  goClient,
  grpcurl,
  pythonClient,
  skipOf,
  type Tool,
} from "../harness/foreign_tools.ts";
import { type ProcessCluster, steadyLeader } from "../harness/processes.ts";
import { runtimeName } from "../harness/runtime.ts";
import { suiteCluster } from "../harness/suite_cluster.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { after, assert, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const writing = "d_engine.client.RaftClientService/HandleClientWrite";
const reading = "d_engine.client.RaftClientService/HandleClientRead";
const scanning = "d_engine.client.RaftClientService/HandleClientScan";
const watching = "d_engine.client.RaftClientService/Watch";
const membership = "d_engine.client.RaftClientService/WatchMembership";
const policies = [
  "READ_CONSISTENCY_POLICY_LINEARIZABLE_READ",
  "READ_CONSISTENCY_POLICY_LEASE_READ",
  "READ_CONSISTENCY_POLICY_EVENTUAL_CONSISTENCY",
] as const;

const base64 = (text: string): string => btoa(text);
const none = (count: number): readonly undefined[] =>
  Array.from({ length: count }, () => undefined);
const won = { writeResult: { succeeded: true } };
const lost = { writeResult: {} };

/** Whoever speaks through `client` to the nodes at `addresses`. */
class Conversation {
  readonly #client: ForeignClient;
  readonly addresses: readonly string[];

  constructor(client: ForeignClient, addresses: readonly string[]) {
    this.#client = client;
    this.addresses = addresses;
  }

  call(at: string, method: string, request: unknown): Promise<unknown> {
    return this.#client.call({ at, method, request });
  }

  /** The first answers to a call with many. */
  many(at: string, method: string, request: unknown, answers = 1): Promise<unknown> {
    return this.#client.call({ at, method, request, answers });
  }

  /** Of everything that has happened since the store is there. */
  watch(at: string, request: unknown, answers: number): Promise<unknown> {
    const metadata = { "after-revision": "1" };
    return this.#client.call({ at, method: watching, request, metadata, answers });
  }

  write(at: string, command: unknown): Promise<unknown> {
    return this.call(at, writing, { clientId: 7, command });
  }

  put(at: string, key: string, value: string): Promise<unknown> {
    return this.write(at, { insert: { key: base64(key), value: base64(value) } });
  }

  /** `expected` null: the key must be absent. */
  swap(
    at: string,
    change: { readonly key: string; readonly expected: string | null; readonly value: string },
  ): Promise<unknown> {
    const { key, expected, value } = change;
    return this.write(at, {
      compareAndSwap: {
        key: base64(key),
        newValue: base64(value),
        ...(expected === null ? {} : { expectedValue: base64(expected) }),
      },
    });
  }

  get(at: string, keys: readonly string[], policy?: string): Promise<unknown> {
    return this.call(at, reading, {
      clientId: 7,
      keys: keys.map(base64),
      ...(policy === undefined ? {} : { consistencyPolicy: policy }),
    });
  }
}

/** What a scan or a watch has told of a key. */
interface Told {
  readonly key: string;
  readonly value?: string;
  readonly eventType?: string;
  readonly revision: string;
  readonly prevValue?: string;
}

/** What a read that finds these answers. */
function found(pairs: Readonly<Record<string, string>>): unknown {
  const results = Object.entries(pairs).map(([key, value]) => ({
    key: base64(key),
    ...(value === "" ? {} : { value: base64(value) }),
  }));
  return { readData: results.length === 0 ? {} : { results } };
}

type Topic = (conversation: Conversation, name: string, cluster: ProcessCluster) => Promise<void>;

const topics: Readonly<Record<string, Topic>> = {
  "writes at any node and reads at all of them, at every policy": async (talk, name) => {
    for (const [n, at] of talk.addresses.entries()) {
      const key = `${name}/${n}`;
      assert.deepEqual(await talk.put(at, key, `value ${n}`), won);
      for (const other of talk.addresses) {
        assert.deepEqual(await talk.get(other, [key]), found({ [key]: `value ${n}` }));
        // The linearizable read before them has brought the node so far.
        for (const policy of policies) {
          assert.deepEqual(await talk.get(other, [key], policy), found({ [key]: `value ${n}` }));
        }
      }
    }
  },
  "carries empty values and every byte": async (talk, name) => {
    const [first = "", second = ""] = talk.addresses;
    const everyByte = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte));
    assert.deepEqual(await talk.put(first, `${name}/empty`, ""), won);
    assert.deepEqual(await talk.put(second, `${name}/${everyByte}`, everyByte), won);
    const keys = [`${name}/empty`, `${name}/${everyByte}`];
    assert.deepEqual(
      await talk.get(first, keys),
      found({ [keys[0]!]: "", [keys[1]!]: everyByte }),
    );
  },
  "wins and loses compare-and-swap": async (talk, name) => {
    const key = `${name}/cas`;
    const [first = "", second = "", third = ""] = talk.addresses;
    assert.deepEqual(await talk.swap(first, { key, expected: null, value: "1" }), won);
    assert.deepEqual(await talk.swap(second, { key, expected: null, value: "x" }), lost);
    assert.deepEqual(await talk.swap(third, { key, expected: "1", value: "2" }), won);
    assert.deepEqual(await talk.swap(first, { key, expected: "1", value: "x" }), lost);
    assert.deepEqual(await talk.get(second, [key]), found({ [key]: "2" }));
  },
  "deletes, and leaves missing keys out": async (talk, name) => {
    const [first = "", second = "", third = ""] = talk.addresses;
    const [gone, kept] = [`${name}/gone`, `${name}/kept`];
    assert.deepEqual(await talk.put(first, gone, "1"), won);
    assert.deepEqual(await talk.put(first, kept, "2"), won);
    assert.deepEqual(await talk.write(second, { delete: { key: base64(gone) } }), won);
    const keys = [gone, `${name}/never`, kept];
    assert.deepEqual(await talk.get(third, keys), found({ [kept]: "2" }));
    assert.deepEqual(await talk.get(third, [gone]), found({}));
  },
  "scans a prefix, and is told of everything that has happened under it": async (talk, name) => {
    const [first = "", second = "", third = ""] = talk.addresses;
    const [one, two] = [`/${name}/scan/1`, `/${name}/scan/2`];
    assert.deepEqual(await talk.put(first, one, "a"), won);
    assert.deepEqual(await talk.put(second, two, "b"), won);
    assert.deepEqual(await talk.put(third, one, "c"), won);
    assert.deepEqual(await talk.write(first, { delete: { key: base64(two) } }), won);
    const prefix = base64(`/${name}/scan/`);
    for (const at of talk.addresses) {
      const { entries, revision } = Object(await talk.call(at, scanning, { clientId: 7, prefix }));
      assert.deepEqual(entries, [{ key: base64(one), value: base64("c") }]);
      const asked = { clientId: 7, key: prefix, prefix: true, prevKv: true };
      const told: readonly Told[] = Object(await talk.watch(at, asked, 4));
      const [put, other, again, gone] = told;
      assert.deepEqual(told.map(({ key }) => key), [one, two, one, two].map(base64));
      assert.deepEqual([put!.value, put!.eventType, put!.prevValue], [base64("a"), ...none(2)]);
      assert.deepEqual([other!.value, again!.value], [base64("b"), base64("c")]);
      assert.equal(again!.prevValue, base64("a"));
      assert.deepEqual([gone!.eventType, gone!.value], ["WATCH_EVENT_TYPE_DELETE", undefined]);
      assert.equal(Number(gone!.revision) <= Number(revision), true);
    }
  },
  "follows the membership": async (talk) => {
    for (const at of talk.addresses) {
      const [snapshot] = Object(await talk.many(at, membership, { clientId: 7 }));
      assert.deepEqual(snapshot.members, [1, 2, 3]);
      assert.ok(Number(snapshot.committedIndex) >= 1);
    }
  },
  "is told what is wrong with a request": async (talk, name) => {
    const [, second = ""] = talk.addresses;
    const request = { insert: { key: base64(`${name}/ttl`), ttlSecs: "31622401" } };
    const answer = Object(await talk.write(second, request));
    assert.equal(answer.error, "INVALID_REQUEST");
    assert.match(answer.metadata.debugMessage, /ttl_secs/);
    const empty = Object(await talk.put(second, "", "x"));
    assert.equal(empty.error, "INVALID_REQUEST");
    assert.match(empty.metadata.debugMessage, /key has 0 bytes/);
  },
  "finds the members and the leader": async (talk, _, cluster) => {
    const service = "d_engine.server.cluster.ClusterManagementService";
    for (const at of talk.addresses) {
      const view = Object(await talk.call(at, `${service}/GetClusterMetadata`, {}));
      const nodes: readonly { readonly id: number; readonly address: string }[] = view.nodes;
      assert.deepEqual(nodes.map(({ id }) => id), [1, 2, 3]);
      assert.deepEqual(nodes.map(({ address }) => address), talk.addresses);
      // On a busy machine the leader may change between two questions.
      await until(async () => {
        const leader = await cluster.leader();
        const { currentLeaderId } = Object(
          await talk.call(at, `${service}/GetClusterMetadata`, {}),
        );
        const asked = { nodeId: 9, requesterAddress: "127.0.0.1:1" };
        const found = Object(await talk.call(at, `${service}/DiscoverLeader`, asked));
        return currentLeaderId === leader.id && found.leaderId === leader.id &&
          found.leaderAddress === leader.rpcAddress && Number(found.term) >= 1;
      }, { what: `node at ${at} to name the leader in both ways` });
    }
  },
  "asks for health, and which services there are": async (talk) => {
    for (const at of talk.addresses) {
      await until(async () => {
        const health = await talk.call(at, "grpc.health.v1.Health/Check", {});
        assert.deepEqual(health, { status: "SERVING" });
        return true;
      }, { what: `node at ${at} to be ready` });
      const { services } = Object(await talk.call(at, "reflection", {}));
      for (const name of servicesExpected) assert.ok(services.includes(name), String(services));
    }
  },
};

const servicesExpected = [
  "d_engine.client.RaftClientService",
  "d_engine.server.cluster.ClusterManagementService",
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "skein.cluster.v1.RaftClusterService",
];

const [python, go, curl] = [pythonClient(), goClient(), grpcurl()];
const stubs = makeTempDir("stubs");

const clients: readonly {
  readonly name: string;
  readonly skip: string | false;
  readonly make: () => ForeignClient;
}[] = [
  { name: "grpc-js", skip: false, make: () => new GrpcJsClient() },
  { name: "Python's grpcio", skip: skipOf(python), make: () => pythonProgram(python) },
  { name: "a client in Go", skip: skipOf(go), make: () => new ProgramClient(commandOf(go)) },
  { name: "grpcurl", skip: skipOf(curl), make: () => new GrpcurlClient(commandOf(curl)) },
];

function commandOf(tool: Tool): readonly string[] {
  return tool.kind === "ready" ? tool.command : [];
}

/** With generated stubs where grpc_tools is there, else by descriptors alone. */
function pythonProgram(tool: Tool): ForeignClient {
  const command = commandOf(tool);
  const descriptors = join(stubs.path, "descriptors.bin");
  writeFileSync(descriptors, descriptorSet());
  const generated = generateStubs(command, stubs.path) ? [stubs.path] : [];
  return new ProgramClient([...command, descriptors, ...generated]);
}

/** A google.protobuf.FileDescriptorSet of proto/, each file behind those that it imports. */
function descriptorSet(): Uint8Array {
  const writer = protobuf.Writer.create();
  const written = new Set<string>();
  const write = (name: string): void => {
    const file = descriptorFiles.find((each) => each.name === name);
    if (file === undefined || written.has(name)) return;
    written.add(name);
    for (const imported of file.imports) write(imported);
    writer.uint32(10).bytes(Buffer.from(file.descriptor, "base64"));
  };
  for (const { name } of descriptorFiles) write(name);
  return writer.finish();
}

describe("foreign clients", { timeout: 240_000 }, () => {
  const builds = [runtimeName, runtimeName, runtimeName];
  const cluster = suiteCluster({ builds, config: steadyLeader });
  after(() => stubs.remove());

  for (const { name, skip, make } of clients) {
    describe(name, () => {
      let client: ForeignClient | undefined;
      after(() => client?.close());

      if (skip !== false) {
        it(`has the same conversation (${skip})`, { skip }, () => {});
        return;
      }
      for (const [topic, talk] of Object.entries(topics)) {
        it(topic, async () => {
          client ??= make();
          const addresses = cluster().nodes.map(({ rpcAddress }) => rpcAddress);
          await talk(new Conversation(client, addresses), name, cluster());
        });
      }
    });
  }
});
