import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { commands } from "../../../src/cli/main.ts";
import { optionVariable } from "../../../src/cli/option.ts";
import { runCli } from "../../harness/cli.ts";
import { makeTempDir } from "../../harness/temp_dir.ts";
import { after, assert, describe, it } from "../../harness/test.ts";

const folder = makeTempDir("config");
after(() => folder.remove());
const file = join(folder.path, "skein.yaml");

describe("config check", () => {
  it("says that a file is right", async () => {
    writeFileSync(file, "node_id: 3\ndata_dir: /\n");
    const { code, out } = await runCli(["config", "check", file]);
    assert.deepEqual([code, out], [0, `${file} is valid\n`]);
  });

  it("tells every problem of a file, whatever the environment would put right", async () => {
    writeFileSync(file, "node_id: 0\nnod_id: 1\n");
    const { code, out, errors } = await runCli(["config", "check", file], {
      env: { SKEIN_NODE_ID: "1" },
    });
    assert.deepEqual([code, out], [1, ""]);
    assert.deepEqual(errors, [
      `error: ${file}:2: nod_id is not a known key; did you mean node_id?`,
      `error: ${file}:1: node_id is 0; allowed is an integer from 1 to 4294967295, or hostname`,
    ]);
  });

  it("warns of an even number of voters and of a directory in memory", async () => {
    writeFileSync(file, "data_dir: /dev/shm/skein\npeers:\n  - { id: 2, addr: 'b:1' }\n");
    const { code, errors } = await runCli(["config", "check", file]);
    assert.equal(code, 0);
    assert.equal(
      errors[0],
      "warning: 2 voters tolerate no more failures than 1: use an odd number",
    );
    if (process.platform === "linux") {
      assert.equal(
        errors[1],
        "warning: data_dir is /dev/shm/skein, on a tmpfs: a restart of the machine erases it",
      );
    }
  });

  it("warns of a directory that holds other things than a node", async () => {
    using data = makeTempDir("cli-data");
    const warnings = async (engine = "sqlite"): Promise<readonly string[]> => {
      writeFileSync(file, `data_dir: ${data.path}\nstorage:\n  engine: ${engine}\n`);
      const { errors } = await runCli(["config", "check", file]);
      return errors.filter((line) => line.includes("no node was started"));
    };
    for (const name of ["lock.db", "kv.db-wal", "incarnation", "log", "lost+found", ".keep"]) {
      writeFileSync(join(data.path, name), "");
    }
    assert.deepEqual(await warnings(), []);
    for (const name of ["a", "b", "c", "d"]) writeFileSync(join(data.path, name), "");
    assert.deepEqual(await warnings(), [
      `warning: data_dir is ${data.path}, where no node was started yet, but which holds a, b, ` +
      "c, …: is it the right one?",
    ]);
    assert.deepEqual(await warnings("memory"), []);
    writeFileSync(join(data.path, "identity.json"), "");
    assert.deepEqual(await warnings(), []);
  });

  it("warns of a node that no other machine could join", async () => {
    const warnings = async (more: string): Promise<readonly string[]> => {
      const open = "security: { insecure_allow_non_loopback: true }";
      writeFileSync(file, `rpc_addr: 0.0.0.0:7401\n${open}\n${more}\n`);
      const { errors } = await runCli(["config", "check", file]);
      return errors.filter((line) => line.includes("join"));
    };
    assert.deepEqual(await warnings(""), [
      "warning: rpc_addr is 0.0.0.0:7401, which names every interface, and rpc_advertise_addr is " +
      "not set: no node of another machine can join this one",
    ]);
    assert.deepEqual(await warnings("rpc_advertise_addr: n1:7401"), []);
  });

  it("warns of an engine that forgets", async () => {
    writeFileSync(file, "storage:\n  engine: memory\n");
    const { errors } = await runCli(["config", "check", file]);
    assert.equal(
      errors[0],
      "warning: storage.engine is memory: the node forgets everything when it ends",
    );
  });

  it("warns of a runtime and an SQLite that are known to break", async () => {
    writeFileSync(file, "");
    const runtime = { name: "deno", version: "2.9.5", sqliteVersion: "3.51.2" } as const;
    const { errors } = await runCli(["config", "check", file], { runtime });
    assert.match(errors.join("\n"), /Deno 2\.9\.5 aborts when a gRPC client closes .* use 2\.9\.3/);
    assert.match(errors.join("\n"), /SQLite 3\.51\.2 has a race/);
    const good = { name: "deno", version: "2.9.3", sqliteVersion: "3.51.3" } as const;
    const quiet = await runCli(["config", "check", file], { runtime: good });
    assert.doesNotMatch(quiet.errors.join("\n"), /Deno|SQLite/);
  });
});

describe("config print", () => {
  it("shows every value and where it came from", async () => {
    writeFileSync(file, "# comment\nnode_id: 3\nraft:\n  heartbeat_interval_ms: 50\n");
    const { code, out } = await runCli(["config", "print", "--config", file, "--data-dir", "/d"], {
      env: { SKEIN_CLUSTER_ID: "c" },
    });
    assert.equal(code, 0);
    const cells = (path: string): readonly string[] | undefined =>
      out.split("\n").map((line) => line.split(/ {2,}/)).find(([name]) => name === path);
    assert.deepEqual(cells("node_id"), ["node_id", "3", `${file}:2`]);
    assert.deepEqual(cells("raft.heartbeat_interval_ms"), [
      "raft.heartbeat_interval_ms",
      "50",
      `${file}:4`,
    ]);
    assert.deepEqual(cells("cluster_id"), ["cluster_id", '"c"', "SKEIN_CLUSTER_ID"]);
    assert.deepEqual(cells("data_dir"), ["data_dir", '"/d"', "--data-dir"]);
    assert.deepEqual(cells("http_addr"), ["http_addr", '"127.0.0.1:7400"', "default"]);
    assert.deepEqual(cells("client_rpc_addr"), ["client_rpc_addr", "-", "default"]);
  });

  it("takes no variable of the command line, or of skein lock, for a key misspelt", async () => {
    const options = commands.flatMap((command) => command.options);
    const variables = [
      ...options.filter(({ variable }) => variable === true).map(optionVariable),
      ...["SKEIN_LOCK_NAME", "SKEIN_LOCK_TOKEN", "SKEIN_LOCK_LEASE"],
    ].filter((name) => name !== "SKEIN_CONFIG");
    const env = Object.fromEntries(variables.map((name) => [name, "x"]));
    const { code, errors } = await runCli(["config", "print"], { env });
    assert.deepEqual([code, errors], [0, []]);
  });

  it("is JSON for programs", async () => {
    const { out } = await runCli(["config", "print", "-o", "json"], {
      env: { SKEIN_NODE_ID: "9" },
    });
    const settings: readonly {
      readonly key: string;
      readonly value: unknown;
      readonly from: string;
    }[] = JSON.parse(out);
    assert.deepEqual(settings.find(({ key }) => key === "node_id"), {
      key: "node_id",
      value: 9,
      from: "SKEIN_NODE_ID",
    });
  });
});
