/** `dev` with small programs in the place of nodes: processes are real, the servers are not. */

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { identityText } from "../../../src/storage/directory/identity_file.ts";
import { type CliOptions, type CliOutcome, RecordingTerminal, runCli } from "../../harness/cli.ts";
import { isAlive } from "../../harness/dev_process.ts";
import { freeBasePort } from "../../harness/ports.ts";
import { configurationOf } from "../../harness/raft_cluster.ts";
import { incarnationOf } from "../../harness/raft_node.ts";
import { makeTempDir, type TempDir } from "../../harness/temp_dir.ts";
import { afterEach, assert, beforeEach, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

const fakeNode = fileURLToPath(new URL("./programs/fake_node.ts", import.meta.url));
const bun = fileURLToPath(new URL("../../../node_modules/.bin/bun", import.meta.url));

interface Started {
  readonly terminal: RecordingTerminal;
  readonly outcome: Promise<CliOutcome>;
  signal(): void;
}

describe("dev", () => {
  let folder: TempDir;
  let base: number;
  let started: Started | undefined;

  beforeEach(async () => {
    folder = makeTempDir("dev");
    base = await freeBasePort();
  });
  afterEach(async () => {
    started?.signal();
    await started?.outcome;
    started = undefined;
    folder.remove();
  });

  function start(words: readonly string[], options: CliOptions = {}): Started {
    const terminal = options.terminal ?? new RecordingTerminal();
    let signal = (): void => {};
    const own = ["dev", "--base-port", String(base), "--data-dir", folder.path, ...words];
    const outcome = runCli(own, {
      env: { PATH: process.env["PATH"] ?? "" },
      ...options,
      terminal,
      runtime: {
        selfCommand: [bun, fakeNode],
        onSignal: (handler) => {
          signal = () => handler("SIGTERM");
          return () => {};
        },
      },
    });
    started = { terminal, outcome, signal: () => signal() };
    return started;
  }

  async function ready(words: readonly string[] = [], options: CliOptions = {}): Promise<Started> {
    const running = start(words, options);
    await until(() => running.terminal.text.includes("Ready."), { what: "Ready." });
    return running;
  }

  async function endOf(running: Started): Promise<CliOutcome> {
    running.signal();
    return await running.outcome;
  }

  const pidFile = (id: number): string => join(folder.path, `node-${id}`, "pid");
  const pidOf = (id: number): number => Number(readFileSync(pidFile(id), "utf8"));
  const askNode = async (id: number, path = "/"): Promise<{ readonly pid: number }> =>
    await (await fetch(`http://127.0.0.1:${base + 10 * (id - 1)}${path}`)).json();
  const logOf = (id: number): string =>
    readFileSync(join(folder.path, `node-${id}`, "log"), "utf8");

  it("starts three nodes, each with its ports, its folder and the others as peers", async () => {
    const { terminal } = await ready();
    for (const id of [1, 2, 3]) {
      const port = base + 10 * (id - 1);
      assert.ok(
        logOf(id).includes(
          `start --cluster-id skein-dev --node-id ${id} --data-dir ${
            join(folder.path, `node-${id}`)
          } ` +
            `--http-addr 127.0.0.1:${port} --rpc-addr 127.0.0.1:${port + 1}`,
        ),
      );
      const peers = [1, 2, 3].filter((other) => other !== id).map((other) => ({
        id: other,
        addr: `127.0.0.1:${base + 10 * (other - 1) + 1}`,
      }));
      assert.ok(logOf(id).includes(`peers ${JSON.stringify(peers)}`));
      assert.match(terminal.text, new RegExp(`node ${id} .*http://127.0.0.1:${port}\\b`));
    }
    assert.match(terminal.text, new RegExp(`curl -i -X PUT .* http://127.0.0.1:${base}/v1/kv/a`));
  });

  it("writes the process id of the runtime itself, and removes it at the end", async () => {
    const running = await ready(["--nodes", "2"]);
    for (const id of [1, 2]) assert.equal(pidOf(id), (await askNode(id)).pid);
    const pids = [pidOf(1), pidOf(2)];
    running.signal();
    assert.equal((await running.outcome).code, 0);
    for (const pid of pids) assert.equal(isAlive(pid), false);
    assert.equal(existsSync(pidFile(1)), false);
  });

  it("names every busy port and starts nothing", async () => {
    const busy = createServer().listen(base + 11, "127.0.0.1");
    await until(() => busy.listening, { what: "the busy port" });
    const { code, errors, out } = await start([]).outcome;
    busy.close();
    assert.equal(code, 1);
    assert.deepEqual(errors, [
      `error: Port ${base + 11} (gRPC of node 2) cannot be used: the address is in use; choose ` +
      "other ports with --base-port",
    ]);
    assert.equal(out, "");
    assert.equal(existsSync(join(folder.path, "node-1")), false);
  });

  it("names both sets where the data is of more or fewer nodes, and starts nothing", async () => {
    const birth = configurationOf({ voters: [1, 2, 3] });
    for (const { id: nodeId } of birth.members) {
      mkdirSync(join(folder.path, `node-${nodeId}`));
      const identity = {
        ...{ clusterId: "skein-dev", nodeId, incarnation: incarnationOf(nodeId) },
        ...{ starts: 1, logEpoch: 1, recovering: false, birth },
      };
      writeFileSync(join(folder.path, `node-${nodeId}`, "identity.json"), identityText(identity));
    }
    for (const [count, ids] of [["2", "the nodes 1, 2"], ["1", "node 1 alone"]] as const) {
      const { code, errors } = await start(["--nodes", count]).outcome;
      assert.equal(code, 1);
      assert.deepEqual(errors, [
        `error: The cluster in ${folder.path} was formed by the nodes 1, 2, 3, asked for is one ` +
        `of ${ids}: start it with --nodes 3, or give --reset, which deletes its data`,
      ]);
      assert.equal(existsSync(join(folder.path, "node-1", "log")), false);
    }
    assert.equal((await endOf(await ready())).code, 0);
    assert.equal((await endOf(await ready(["--nodes", "1", "--reset"]))).code, 0);
  });

  it("reports a node that dies, and without a terminal leaves it down unasked", async () => {
    const running = await ready();
    await askNode(2, "/die").catch(() => {});
    await until(() => running.terminal.text.includes("node 2 ended"), { what: "the report" });
    assert.match(
      running.terminal.text,
      /node 2 ended with code 7; it stays down, with --restart it would come back; from .*log:\n/,
    );
    assert.ok((await askNode(1)).pid > 0);
    assert.equal(existsSync(pidFile(2)), false);
  });

  it("ends with a failure once no node is left", async () => {
    const running = await ready(["--nodes", "1"]);
    await askNode(1, "/die").catch(() => {});
    assert.equal((await running.outcome).code, 1);
  });

  it("starts a dead node again with --restart", async () => {
    const running = await ready(["--nodes", "2", "--restart"]);
    const before = pidOf(2);
    process.kill(before, "SIGKILL");
    await until(() => running.terminal.text.includes("ended with SIGKILL; restarting"), {
      what: "the report",
    });
    await until(async () => (await askNode(2)).pid !== before, { what: "another process" });
    assert.equal(pidOf(2), (await askNode(2)).pid);
    await until(() => running.terminal.text.includes("\nnode 2 is ready again\n"), {
      what: "the report",
    });
  });

  it("names a data directory that cannot be one", async () => {
    const file = join(folder.path, "file");
    writeFileSync(file, "x");
    const { code, errors } = await runCli([
      ...["dev", "--base-port", String(base), "--data-dir", file],
    ]);
    assert.equal(code, 1);
    assert.match(errors[0] ?? "", /^error: --data-dir is ".*file", which cannot be used: EEXIST/);
  });

  it("shows a live line on a terminal, restarts at r and ends at q", async () => {
    const terminal = new RecordingTerminal({ isInteractive: true });
    const running = await ready([], { terminal });
    await until(() => terminal.text.includes("leader node 2, term 3 | node 1 up, node 2 up"), {
      what: "the live line",
    });
    const before = pidOf(3);
    process.kill(before, "SIGKILL");
    await until(() => terminal.text.includes("node 3 ended with SIGKILL; press r to restart it"), {
      what: "the report",
    });
    await until(() => terminal.text.includes("node 3 down | r restart, q quit"), {
      what: "the live line",
    });
    terminal.press("r");
    await until(async () => (await askNode(3)).pid !== before, { what: "another process" });
    terminal.press("q");
    assert.equal((await running.outcome).code, 0);
  });

  it("keeps the data of earlier runs until --reset, which deletes only its own", async () => {
    const kept = join(folder.path, "node-1", "data");
    const foreign = join(folder.path, "mine");
    mkdirSync(join(folder.path, "node-1"));
    writeFileSync(kept, "x");
    writeFileSync(foreign, "x");
    const first = await ready(["--nodes", "1"]);
    assert.ok(existsSync(kept));
    first.signal();
    await first.outcome;
    const second = await ready(["--nodes", "1", "--reset"]);
    assert.match(second.terminal.text, /^skein dev: starting 1 node, data in /);
    assert.equal(existsSync(kept), false);
    assert.ok(existsSync(foreign));
  });

  it("takes its nodes with it even when it is killed", async () => {
    const program = fileURLToPath(new URL("./programs/dev_program.ts", import.meta.url));
    const supervisor = spawn(bun, [program, bun, fakeNode, String(base), folder.path], {
      stdio: "ignore",
    });
    await until(async () => (await askNode(3)).pid > 0, { what: "node 3" });
    const pids = [1, 2, 3].map(pidOf);
    supervisor.kill("SIGKILL");
    await until(() => pids.every((pid) => !isAlive(pid)), { what: "the end of the nodes" });
  });
});
