/** bin/skein.mjs, the package's `bin`: a program of Node that starts one of Bun or Deno. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import denoFlags from "../../src/runtime/deno/run_flags.json" with { type: "json" };
import { programEnvironment } from "../harness/environment.ts";
import { makeTempDir } from "../harness/temp_dir.ts";
import { assert, describe, it } from "../harness/test.ts";
import { terminate } from "../harness/terminate.ts";
import { until } from "../harness/wait.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const launcher = join(root, "bin/skein.mjs");
const hasNode = spawnSync("node", ["--version"]).status === 0;

/** Deno reads and strips every source file at its first start. */
const slow = { timeout: 240_000 };

function skein(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  program = launcher,
) {
  const { status, stdout, stderr } = spawnSync("node", [program, ...words], {
    encoding: "utf8",
    env: { ...programEnvironment(), ...env },
  });
  return { status, out: stdout, errors: stderr };
}

/** A node that listens, and what becomes of it when it is told to end. */
async function ended(runtime: string, begun: (child: ChildProcess) => void) {
  using folder = makeTempDir("launcher");
  const child: ChildProcess = spawn("node", [
    ...[launcher, "start", "--data-dir", join(folder.path, "data")],
    ...["--http-addr", "127.0.0.1:0", "--rpc-addr", "127.0.0.1:0"],
  ], {
    env: { ...programEnvironment(), SKEIN_RUNTIME: runtime },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let log = "";
  let code: number | null | undefined;
  child.stderr?.on("data", (chunk) => log += String(chunk));
  child.once("exit", (status) => code = status);
  await until(() => log.includes("Listening"), { what: "the node to listen" });
  begun(child);
  terminate(child);
  await until(() => code !== undefined, { what: "the launcher to end" });
  return { code, log };
}

describe("the launcher", { skip: hasNode ? false : "there is no node here" }, () => {
  for (const runtime of ["bun", "deno"]) {
    it(`starts ${runtime} and passes arguments, output and exit codes on`, slow, () => {
      const env = { SKEIN_RUNTIME: runtime };
      const version = skein(["version"], env);
      assert.equal(version.status, 0, version.errors);
      assert.match(version.out, new RegExp(`^skein \\S+ \\(source\\), ${runtime} `));
      const unreachable = skein(["get", "a", "--endpoints", "127.0.0.1:9"], env);
      assert.equal(unreachable.status, 5);
      assert.equal(unreachable.errors, "error: http://127.0.0.1:9: no connection [unreachable]\n");
    });

    it(`refuses arguments on ${runtime} that are no UTF-8`, slow, () => {
      // Only a shell can be made to say them.
      const line = `exec node "$1" put "$(printf 'k\\377')" v --endpoints 127.0.0.1:9`;
      const { status, stderr } = spawnSync("sh", ["-c", line, "sh", launcher], {
        encoding: "utf8",
        env: { ...programEnvironment(), SKEIN_RUNTIME: runtime },
      });
      assert.equal(status, 2, stderr);
      assert.match(stderr, /^error: "k\uFFFD" holds U\+FFFD, .*; --key64 takes any key/);
    });

    it(`ends in silence on ${runtime} when nobody reads what it writes`, slow, async () => {
      const child = spawn("node", [launcher, "version"], {
        env: { ...programEnvironment(), SKEIN_RUNTIME: runtime },
        stdio: ["ignore", "pipe", "pipe"],
      });
      child.stdout.destroy();
      let errors = "";
      let code: number | null | undefined;
      child.stderr.on("data", (chunk) => errors += String(chunk));
      child.once("close", (status) => code = status);
      await until(() => code !== undefined, { what: "the end of the program" });
      assert.deepEqual([code, errors], [0, ""]);
    });

    it(`passes SIGTERM on to ${runtime} and ends with it`, slow, async () => {
      const { code, log } = await ended(runtime, () => {});
      assert.equal(code, 0, log);
      assert.match(log, /Stopping reason=SIGTERM/);
    });

    it(`goes on with ${runtime} when nobody reads its log any more`, slow, async () => {
      const { code } = await ended(runtime, (child) => child.stderr?.destroy());
      assert.equal(code, 0);
    });
  }

  it("refuses a runtime that it does not know", () => {
    const { status, errors } = skein(["version"], { SKEIN_RUNTIME: "node" });
    assert.equal(status, 2);
    assert.equal(errors, 'error: SKEIN_RUNTIME is "node"; allowed is bun or deno\n');
  });

  it("starts Deno with the flags that Deno's own task has", () => {
    const { tasks } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
    assert.match(
      tasks.start,
      new RegExp(`deno run ${denoFlags.join(" ")} src/main_deno\\.ts dev$`),
    );
  });

  it("says what to do where set-up was not run", () => {
    using folder = makeTempDir("launcher");
    mkdirSync(join(folder.path, "bin"));
    const copy = join(folder.path, "bin", "skein.mjs");
    copyFileSync(launcher, copy);
    const { status, errors } = skein(["version"], {}, copy);
    assert.equal(status, 1);
    assert.equal(
      errors,
      `error: bun is not installed here; run "npm run setup" in ${folder.path} first\n`,
    );
  });
});
