import { existsSync, readFileSync, rmSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { assert, describe, it } from "../../harness/test.ts";
import { requestOnce } from "../../harness/http_once.ts";
import {
  type Build,
  buildCommand,
  type NodeProcess,
  type ProcessCluster,
  withCluster,
} from "../../harness/processes.ts";
import { until } from "../../harness/wait.ts";

const standIn = fileURLToPath(new URL("./stand_in_node.ts", import.meta.url));

/** The same runtimes as for real nodes, with another program. */
function command(build: Build): readonly string[] {
  return [...buildCommand(build).slice(0, -1), standIn];
}

function inCluster(
  builds: readonly Build[],
  run: (cluster: ProcessCluster) => Promise<void>,
): Promise<void> {
  return withCluster({ builds, command }, run);
}

async function answers(node: NodeProcess, withinMs: number): Promise<boolean> {
  const url = `${node.url}/readyz`;
  return (await requestOnce({ method: "GET", url, withinMs })).kind === "answered";
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("node processes", () => {
  it("start on both runtimes, become ready, and leave nothing behind", async () => {
    let folder = "";
    let pids: readonly number[] = [];
    await inCluster(["bun", "deno"], async (cluster) => {
      await cluster.start();
      folder = cluster.folder;
      pids = cluster.nodes.map(({ pid }) => pid!);
      assert.ok(pids.every(isAlive));
      assert.equal((await cluster.leader()).id, 1);
      const config = readFileSync(cluster.node(2).configPath, "utf8");
      assert.match(config, /node_id: 2\n/);
      assert.match(
        config,
        new RegExp(`peers:\n {2}- { id: 1, addr: "${cluster.node(1).rpcAddress}"`),
      );
    });
    assert.equal(existsSync(folder), false);
    await until(() => !pids.some(isAlive), { what: "the processes to be gone" });
  });

  it("kill is a kill -9 of the runtime itself, and start begins anew where it was", async () => {
    await inCluster(["bun", "deno"], async (cluster) => {
      await cluster.start();
      for (const node of cluster.nodes) {
        const before = node.pid!;
        assert.match(readFileSync(node.logPath, "utf8"), new RegExp(`stand-in ${before} starts`));
        await node.kill();
        assert.equal((await node.ended()).signal, "SIGKILL");
        assert.equal(isAlive(before), false);
        assert.equal(await answers(node, 500), false);
        node.start();
        await node.ready();
        assert.notEqual(node.pid, before);
      }
    });
  });

  it("pause stops a process without ending it, and resume lets it go on", async () => {
    await inCluster(["bun", "deno"], async (cluster) => {
      await cluster.start();
      for (const node of cluster.nodes) {
        node.pause();
        assert.equal(await answers(node, 200), false);
        node.resume();
        await until(() => answers(node, 1_000), { what: "an answer after the pause" });
        node.pause();
        await node.kill();
        assert.equal(node.pid, undefined);
      }
    });
  });

  it("stop ends a process by SIGTERM and tells how it ended", async () => {
    await inCluster(["bun", "deno"], async (cluster) => {
      await cluster.start();
      for (const node of cluster.nodes) assert.equal((await node.stop()).code, 0);
    });
  });

  it("keeps the folder and shows the logs when the test fails", async () => {
    let folder = "";
    const failing = inCluster(["bun"], async (cluster) => {
      folder = cluster.folder;
      await cluster.start();
      throw new Error("planted");
    });
    await assert.rejects(failing, (error: Error) => {
      assert.match(error.message, /^planted\n {2}node 1 \| stand-in [0-9]+ starts\nkept in /);
      return true;
    });
    assert.ok(existsSync(folder));
    rmSync(folder, { recursive: true });
  });

  it("fails at once when a node ends before it is ready, and says why", async () => {
    let folder = "";
    const start = performance.now();
    const failing = withCluster({ builds: ["bun"], command, config: "fail_at_start: true" }, (
      cluster,
    ) => {
      folder = cluster.folder;
      return cluster.start();
    });
    await assert.rejects(failing, /Node 1 ended before it was ready[^]*told to fail/);
    assert.ok(performance.now() - start < 15_000);
    rmSync(folder, { recursive: true });
  });
});
