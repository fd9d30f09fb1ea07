/** Under which name a directory becomes a node, and that it is the same one after any crash. */

import { createServer, type Server } from "node:http";
import { loadConfig } from "../../src/config/load.ts";
import { createLogger } from "../../src/lib/logger.ts";
import { firstWrite } from "../../src/node/birth.ts";
import type { Identity } from "../../src/node/ports.ts";
import { systemClock } from "../../src/runtime/system_clock.ts";
import { Admission } from "../../src/server_admission.ts";
import { MemoryCandidacy } from "../../src/storage/memory/memory_candidacy.ts";
import { MemoryDisk, MemoryEngine } from "../../src/storage/memory/memory_engine.ts";
import { MemoryIdentity } from "../../src/storage/memory/memory_identity.ts";
import { configurationOf } from "../harness/raft_cluster.ts";
import { incarnationOf } from "../harness/raft_node.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { until } from "../harness/wait.ts";

const addresses = { rpc: "n4:1", http: "http://n4:2" };
const members = [{ id: 1, rpc: "a:7401" }];

/** A member of a cluster that writes down who asks it, and answers when it is told to. */
class Member {
  readonly incarnations: string[] = [];
  answers = true;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      if (request.method === "GET") {
        return void response.end(JSON.stringify({ cluster_id: "prod", members }));
      }
      let body = "";
      request.on("data", (data) => body += String(data));
      request.on("end", () => {
        this.incarnations.push(JSON.parse(body).incarnation);
        if (this.answers) response.end(JSON.stringify({ id: 4, members }));
      });
    });
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const member = new Member();
before(() => member.open());
after(() => member.close());

function directory() {
  return {
    ...{ identities: new MemoryIdentity(), candidacy: new MemoryCandidacy() },
    engine: new MemoryEngine(new MemoryDisk(), systemClock),
    lines: new Array<string>(),
  };
}

function admission(storage: ReturnType<typeof directory>, more: Record<string, string> = {}) {
  const flags = Object.entries({ join: member.url, ...more })
    .map(([path, text]) => ({ flag: path, path, text }));
  return new Admission({
    ...{ config: loadConfig({ flags }).config, storage },
    logger: createLogger({
      ...{ level: "info", format: "text", timestamp: () => "" },
      write: (line) => storage.lines.push(line),
    }),
  });
}

describe("A directory that asks a cluster to take it in", () => {
  it("asks again under the same incarnation when nobody knows what became of it", async () => {
    const storage = directory();
    member.answers = false;
    const first = admission(storage);
    assert.equal(await first.identify(), undefined);
    const asked = first.ask(addresses);
    await until(() => member.incarnations.length === 1, { what: "the question" });
    // As a process that is killed: it never sees the answer.
    first.stop();
    assert.equal(await asked, undefined);
    member.answers = true;
    const keeper = await admission(storage).ask(addresses);
    const [before, again] = member.incarnations;
    assert.equal(again, before);
    const { clusterId, nodeId, incarnation, starts, joining } = keeper!.identity;
    assert.deepEqual([clusterId, nodeId, incarnation, starts], ["prod", 4, before, 1]);
    assert.deepEqual(joining, [{ id: 1, address: "a:7401" }]);
    assert.equal(storage.candidacy.load(), undefined);
  });

  it("offers a cluster elsewhere no address that only its own machine reaches", async () => {
    const cases = [
      [{ ...addresses, rpc: "127.0.0.1:7401" }, "rpc 127.0.0.1:7401", "rpc"],
      [{ ...addresses, http: "http://[::1]:7400" }, "http http://[::1]:7400", "http"],
    ] as const;
    const join = "http://127.0.0.1:1,http://n1:7400";
    for (const [offered, shown, name] of cases) {
      const storage = directory();
      await assert.rejects(admission(storage, { join }).ask(offered), {
        message: `This node would be a member at ${shown}, which only this machine reaches, and ` +
          `join is http://n1:7400, on another one: set ${name}_addr or ${name}_advertise_addr ` +
          "to where the members reach this node",
      });
      assert.equal(storage.candidacy.load(), undefined, "it has asked nobody");
    }
    const here = directory();
    const local = { rpc: "127.0.0.1:7401", http: "http://127.0.0.1:7400" };
    assert.equal((await admission(here).ask(local))?.identity.nodeId, 4);
  });

  it("does not found a cluster of its own instead", async () => {
    const storage = directory();
    storage.candidacy.save("0123456789abcdef");
    const founding = () =>
      Promise.resolve().then(() => admission(storage, { join: "[]" }).identify());
    await assert.rejects(founding(), /has asked a cluster to take it in, and join is not set/);
    assert.equal(storage.identities.load(), undefined);
  });

  const known: Identity = {
    ...{ clusterId: "prod", nodeId: 4, incarnation: "0123456789abcdef", starts: 3, logEpoch: 1 },
    ...{ recovering: false, joining: [{ id: 9, address: "b:7401" }] },
  };

  it("is told anew where the members are while it has met none of them", async () => {
    const storage = directory();
    storage.identities.save(known, () => {});
    const keeper = await admission(storage).ask(addresses);
    const { starts, joining, incarnation } = keeper!.identity;
    assert.deepEqual([starts, joining], [4, [{ id: 1, address: "a:7401" }]]);
    assert.equal(member.incarnations.at(-1), incarnation);
  });

  it("goes by what it was told before where nobody answers, and asks nobody later", async () => {
    const storage = directory();
    storage.identities.save(known, () => {});
    const nobody = { join: "http://127.0.0.1:1" };
    const keeper = await admission(storage, nobody).ask(addresses);
    assert.deepEqual([keeper?.identity.starts, keeper?.identity.joining], [4, known.joining]);
    storage.identities.save({ ...known, birth: { members: [], nodeIdMax: 0 } }, () => {});
    const born = await admission(storage, nobody).identify();
    assert.equal(born?.identity.starts, 4);
  });

  it("keeps its names whatever the configuration leaves open, and tidies up", async () => {
    const storage = directory();
    storage.identities.save({ ...known, birth: { members: [], nodeIdMax: 0 } }, () => {});
    storage.candidacy.save("fedcba9876543210");
    const keeper = await admission(storage, { join: "[]" }).identify();
    const { clusterId, nodeId } = keeper!.identity;
    assert.deepEqual([clusterId, nodeId, storage.candidacy.load()], ["prod", 4, undefined]);
  });
});

describe("A directory that is told to join, and is a node's already", () => {
  /** Node 1 of a cluster that it founded, whose newest configuration has these members. */
  function founded(
    more: { readonly clusterId?: string; readonly voters?: readonly number[] } = {},
  ): ReturnType<typeof directory> {
    const { clusterId = "prod", voters = [1] } = more;
    const storage = directory();
    storage.engine.persist(firstWrite(configurationOf({ voters })), () => {});
    storage.identities.save({
      ...{ clusterId, nodeId: 1, incarnation: incarnationOf(1), starts: 1, logEpoch: 1 },
      ...{ recovering: false, birth: configurationOf({ voters: [1] }) },
    }, () => {});
    return storage;
  }

  const elsewhere =
    /is node 1 of cluster "\w+", which it founded .* another cluster, "prod" of the nodes 1: /;

  it("does not serve the cluster that it is by itself instead of another one", async () => {
    for (const clusterId of ["trial", "prod"]) {
      const storage = founded({ clusterId });
      await assert.rejects(admission(storage).identify(), elsewhere);
      assert.equal(storage.identities.load()?.starts, 1);
    }
  });

  it("goes on where the cluster is its own, or nobody answers, and says so", async () => {
    const own = founded();
    await admission(own, { rpc_addr: "127.0.0.1:0", rpc_advertise_addr: "a:7401" }).identify();
    const unasked = founded();
    await admission(unasked, { join: "http://127.0.0.1:1" }).identify();
    for (const { identities, lines } of [own, unasked]) {
      assert.equal(identities.load()?.starts, 2);
      assert.match(lines.join(), /WARN .* cluster of its own: join has no effect .*prod.*=1/);
    }
  });

  it("is what it was where it has other members, and asks nobody", async () => {
    const storage = founded({ clusterId: "other", voters: [1, 2] });
    await admission(storage).identify();
    assert.equal(storage.identities.load()?.starts, 2);
    assert.match(storage.lines.join(), /INFO .* a member's already: join has no effect/);
  });

  it("founds nothing where its own cluster was never formed", async () => {
    const storage = founded();
    const { birth: _, ...unborn } = storage.identities.load()!;
    storage.identities.save(unborn, () => {});
    await assert.rejects(admission(storage).identify(), /was never formed, and join is set: empty/);
  });
});
