import type { Config } from "../../../src/config/schema.ts";
import type { Logger } from "../../../src/lib/logger.ts";
import { type CliOptions, RecordingTerminal, runCli } from "../../harness/cli.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { after, assert, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = makeTempDir("start");
after(() => folder.remove());

/** Runs `start` with a server that only remembers; signals are sent by hand. */
function run(words: readonly string[], options: CliOptions = {}) {
  const terminal = new RecordingTerminal();
  const stopped = Promise.withResolvers<{ readonly code: number }>();
  const exits: number[] = [];
  let config: Config | undefined;
  let logger: Logger | undefined;
  let stops = 0;
  let signal: (name: "SIGINT" | "SIGTERM") => void = () => {};
  const outcome = runCli(["start", ...words], {
    terminal,
    startServer: (given) => {
      config = given.config;
      logger = given.logger;
      return Promise.resolve({
        httpUrl: "http://127.0.0.1:1",
        rpcAddress: "127.0.0.1:2",
        stop: () => {
          stops++;
          return Promise.resolve();
        },
        stopped: stopped.promise,
      });
    },
    ...options,
    runtime: {
      onSignal: (handler) => {
        signal = handler;
        return () => {};
      },
      exit: (code): never => {
        exits.push(code);
        throw new Error("exit");
      },
    },
  });
  return {
    terminal,
    outcome,
    exits,
    end: (code: number) => stopped.resolve({ code }),
    signal: (name: "SIGINT" | "SIGTERM") => signal(name),
    get config() {
      return config;
    },
    get logger() {
      return logger;
    },
    get stops() {
      return stops;
    },
  };
}

const listening = { what: "the server" };

describe("start", () => {
  it("joins the cluster of any of the nodes that it is told of", async () => {
    const node = run([
      ...["--join", "http://localhost:7400,http://[::1]:7410", "--join-as", "read_only"],
    ]);
    await until(() => node.config, listening);
    assert.deepEqual(node.config?.join, ["http://localhost:7400", "http://[::1]:7410"]);
    assert.equal(node.config?.joinAs, "read_only");
    assert.deepEqual(node.config?.named, {}, "the cluster gives the names");
    node.end(0);
    assert.equal((await node.outcome).code, 0);
  });

  it("runs a single node on loopback without any argument", async () => {
    const node = run([]);
    await until(() => node.config, listening);
    assert.equal(node.config?.dataDir, "./skein-data");
    assert.deepEqual(node.config?.peers, []);
    node.end(0);
    assert.equal((await node.outcome).code, 0);
    const log = node.terminal.errors.join("\n");
    assert.match(log, /INFO {2}Listening http=http:\/\/127\.0\.0\.1:1 rpc=127\.0\.0\.1:2/);
  });

  it("puts file, environment and flags together", async () => {
    const file = join(folder.path, "skein.yaml");
    writeFileSync(file, "node_id: 4\ncluster_id: from-file\ndata_dir: /file\n");
    const node = run(["--data-dir", "/flag", "--http-addr=127.0.0.1:0", "--rpc-addr", "[::1]:0"], {
      env: { SKEIN_CONFIG: file, SKEIN_NODE_ID: "5", SKEIN_ENDPOINTS: "http://a:1" },
    });
    await until(() => node.config, listening);
    assert.equal(node.config?.nodeId, 5);
    assert.equal(node.config?.clusterId, "from-file");
    assert.equal(node.config?.dataDir, "/flag");
    assert.deepEqual(node.config?.httpAddr, { host: "127.0.0.1", port: 0 });
    assert.deepEqual(node.config?.rpcAddr, { host: "::1", port: 0 });
    node.end(0);
    await node.outcome;
  });

  it("does not start with a wrong configuration", async () => {
    const node = run(["--node-id", "0", "--http-addr", "nowhere"]);
    assert.equal((await node.outcome).code, 1);
    assert.deepEqual(node.terminal.errors, [
      "error: --node-id: node_id is 0; allowed is an integer from 1 to 4294967295, or hostname",
      'error: --http-addr: http_addr is "nowhere"; allowed is host:port, an IPv6 host in brackets',
    ]);
    assert.equal(node.config, undefined);
  });

  it("tells why the server did not start", async () => {
    const startServer = () => Promise.reject(new Error("Cannot listen on 127.0.0.1:7400: in use"));
    const { code, errors } = await runCli(["start"], { startServer });
    assert.equal(code, 1);
    assert.equal(errors.at(-1), "error: Cannot listen on 127.0.0.1:7400: in use");
  });

  it("passes on the code with which the server ends by itself", async () => {
    const node = run([]);
    await until(() => node.config, listening);
    node.end(9);
    assert.equal((await node.outcome).code, 9);
  });

  it("stops in order at the first signal and at once at the second", async () => {
    const node = run([]);
    await until(() => node.terminal.errors.some((line) => line.includes("Listening")), listening);
    node.signal("SIGTERM");
    assert.equal(node.stops, 1);
    assert.deepEqual(node.exits, []);
    assert.throws(() => node.signal("SIGINT"), /exit/);
    assert.deepEqual(node.exits, [130]);
    node.end(0);
    assert.equal((await node.outcome).code, 0);
  });

  it("hears a signal that comes while it is still starting", async () => {
    const started = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<{ readonly code: number }>();
    let stops = 0;
    let signal = (): void => {};
    const outcome = runCli(["start"], {
      runtime: {
        onSignal: (handler) => {
          signal = () => handler("SIGTERM");
          return () => {};
        },
      },
      startServer: async () => {
        signal();
        await started.promise;
        return {
          httpUrl: "",
          rpcAddress: "",
          stop: () => {
            stops++;
            stopped.resolve({ code: 0 });
            return Promise.resolve();
          },
          stopped: stopped.promise,
        };
      },
    });
    started.resolve();
    assert.equal((await outcome).code, 0);
    assert.equal(stops, 1);
  });

  it("logs as configured, and warns of what is unwise", async () => {
    const peers = '[{"id":2,"addr":"127.0.0.1:9002"}]';
    const node = run(["--log-level", "warn"], {
      env: { SKEIN_PEERS: peers, SKEIN_MONITORING__LOG_FORMAT: "json" },
    });
    await until(() => node.logger, listening);
    node.logger?.info("not shown");
    node.end(0);
    await node.outcome;
    const lines = node.terminal.errors.map((line) => JSON.parse(line));
    assert.ok(lines.length > 0);
    assert.ok(lines.every(({ level }) => level === "warn"));
    assert.equal(
      lines[0].message,
      "2 voters tolerate no more failures than 1: use an odd number",
    );
  });
});
