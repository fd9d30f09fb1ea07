/**
 * What a stranger does wrong with the real program: each mistake is named, and nobody else is
 * harmed by it.
 */

import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requestOnce } from "../harness/http_once.ts";
import {
  type Build,
  buildCommand,
  NodeProcess,
  type ProcessCluster,
  withCluster,
} from "../harness/processes.ts";
import { assert, describe, it } from "../harness/test.ts";
import { runtimeName } from "../harness/runtime.ts";
import { until } from "../harness/wait.ts";

const build = runtimeName;

describe(`the program on ${build}`, () => {
  it("names an unknown configuration key and the nearest known one", async () => {
    await withCluster({ builds: [build], config: "electon_timeout: 5" }, async ({ nodes }) => {
      const said = await endOf(nodes[0]!);
      assert.match(said, /electon_timeout/);
    });
  });

  it("refuses a data directory that belongs to another node", async () => {
    await withCluster({ builds: [build] }, async (cluster) => {
      await cluster.start();
      await cluster.node(1).stop();
      editConfig(cluster.node(1), /^node_id: 1$/m, "node_id: 7");
      assert.match(
        await endOf(cluster.node(1)),
        /belongs to node 1 of cluster .* this is node 7/,
      );
    });
  });

  it("refuses a data directory that belongs to another cluster", async () => {
    await withCluster({ builds: [build] }, async (cluster) => {
      await cluster.start();
      await cluster.node(1).stop();
      editConfig(cluster.node(1), /^cluster_id: .*$/m, "cluster_id: elsewhere");
      assert.match(await endOf(cluster.node(1)), /belongs to node 1 .* of cluster "elsewhere"/);
    });
  });

  it("refuses peers that the cluster of a sole node never had", async () => {
    await withCluster({ builds: [build] }, async (cluster) => {
      await cluster.start();
      await cluster.node(1).stop();
      editConfig(cluster.node(1), /$/, '\npeers:\n  - { id: 2, addr: "127.0.0.1:9" }\n');
      assert.match(
        await endOf(cluster.node(1)),
        /names the nodes 1, 2, and the members of the cluster are 1: take the others out of peers/,
      );
    });
  });

  it("refuses a directory with foreign files, and leaves nothing there", async () => {
    await withCluster({ builds: [build] }, async ({ nodes: [node] }) => {
      mkdirSync(node!.dataDir, { recursive: true });
      for (const name of ["raft.db", "kv.db"]) writeFileSync(join(node!.dataDir, name), "junk");
      const said = await endOf(node!);
      assert.match(said, /Data directory .* holds kv\.db, raft\.db, but .* Move this away, or set/);
      assert.deepEqual(readdirSync(node!.dataDir).sort(), ["kv.db", "raft.db"]);
    });
  });

  it("refuses a second process on one directory, and the first one serves on", async () => {
    await withCluster({ builds: [build] }, async (cluster) => {
      await cluster.start();
      const first = cluster.node(1);
      const second = twinOf(first, cluster);
      const said = await endOf(second);
      assert.match(said, /in use|held|already/i);
      assert.ok(said.includes(first.dataDir), said);
      await servesOn(first);
    });
  });

  it("refuses a directory that was emptied under a known id; the others serve on", async () => {
    await withCluster({ builds: [build, build, build] }, async (cluster) => {
      await cluster.start();
      const leader = await cluster.leader();
      const wiped = cluster.nodes.find((node) => node !== leader)!;
      await wiped.kill();
      rmSync(wiped.dataDir, { recursive: true });
      const said = await endOf(wiped);
      assert.match(said, new RegExp(`node id ${wiped.id} belongs to another data directory`));
      await servesOn(leader);
    });
  });

  it("refuses an older copy of a directory; the others serve on", async () => {
    await withCluster({ builds: [build, build, build] }, async (cluster) => {
      await cluster.start();
      const leader = await cluster.leader();
      const node = cluster.nodes.find((candidate) => candidate !== leader)!;
      await node.stop();
      const copy = join(cluster.folder, "older-copy");
      cpSync(node.dataDir, copy, { recursive: true });
      for (let time = 0; time < 2; time++) {
        node.start();
        await node.ready();
        await node.stop();
      }
      rmSync(node.dataDir, { recursive: true });
      cpSync(copy, node.dataDir, { recursive: true });
      assert.match(await endOf(node), /older copy/);
      await servesOn(leader);
    });
  });

  it("does not let a node of another cluster speak to this one", async () => {
    await withCluster({ builds: [build, build, build] }, async (cluster) => {
      await cluster.start();
      await withStranger(cluster, build, async (stranger) => {
        const named = () => readFileSync(stranger.logPath, "utf8").includes("cluster_id");
        await until(named, { what: "the stranger to be told why" });
      });
      await servesOn(await cluster.leader());
    });
  });

  it("refuses an oversized value and a malformed request, and serves on", async () => {
    await withCluster({ builds: [build] }, async (cluster) => {
      await cluster.start();
      const node = cluster.node(1);
      const huge = "x".repeat(8 * 1024 * 1024 + 1);
      const answer = await call(node, "PUT", "/v1/kv/huge", huge);
      assert.equal(answer.status, 413);
      assert.match(answer.body, /"code":"value_too_large"/);
      assert.match(answer.body, /"outcome":"not_applied"/);
      assert.equal((await call(node, "GET", "/v1/kv/a%zz")).status, 400);
      assert.equal((await call(node, "PUT", "/v1/kv/a?cas=1", "x")).status, 400);
      assert.equal((await call(node, "POST", "/v1/cluster/leadership", "{")).status, 400);
      await servesOn(node);
    });
  });
});

async function endOf(node: NodeProcess): Promise<string> {
  node.start();
  const { code } = await node.ended();
  const said = node.logTail(5);
  assert.notEqual(code, 0, said);
  return said;
}

function editConfig(node: NodeProcess, what: RegExp, by: string): void {
  const text = readFileSync(node.configPath, "utf8");
  assert.match(text, what);
  writeFileSync(node.configPath, text.replace(what, by));
}

/** Another process with the same directory, on other ports. */
function twinOf(node: NodeProcess, cluster: ProcessCluster): NodeProcess {
  const folder = join(cluster.folder, "twin");
  mkdirSync(folder);
  return new NodeProcess(
    {
      ...{ id: node.id, build: node.build, folder },
      ...{ command: buildCommand(node.build), httpPort: 0, rpcPort: 0 },
    },
    readFileSync(node.configPath, "utf8").replace(/(http|rpc)_addr: .*/g, '$1_addr: "127.0.0.1:0"'),
  );
}

/** A node that takes the nodes of `cluster` for its peers, under another cluster's name. */
async function withStranger(
  cluster: ProcessCluster,
  build: Build,
  run: (stranger: NodeProcess) => Promise<void>,
): Promise<void> {
  await withCluster({ builds: [build] }, async (other) => {
    const stranger = other.node(1);
    const peers = cluster.nodes.slice(1).map(({ id, rpcAddress }) =>
      `  - { id: ${id}, addr: "${rpcAddress}" }`
    );
    editConfig(stranger, /$/, `\npeers:\n${peers.join("\n")}\n`);
    stranger.start();
    await run(stranger);
  });
}

/** It takes a write, once a change of leaders that a busy machine may cause is over. */
async function servesOn(node: NodeProcess): Promise<void> {
  const isTaken = async (): Promise<boolean> => {
    const { status } = await call(node, "PUT", "/v1/kv/still", "there");
    return status === 201 || status === 200;
  };
  await until(isTaken, { what: `node ${node.id} to take a write` });
}

async function call(
  node: NodeProcess,
  method: string,
  path: string,
  body?: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const url = `${node.url}${path}`;
  const answer = await requestOnce({
    method,
    url,
    withinMs: 60_000,
    headers: { "Content-Type": "application/json" },
    ...(body !== undefined && { body }),
  });
  assert.equal(answer.kind, "answered");
  return answer.kind === "answered" ? answer : { status: 0, body: "" };
}
