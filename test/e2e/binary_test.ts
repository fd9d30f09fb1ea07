/** The single binary, alone in an empty folder. */

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { steadyLeaderEnvironment } from "../harness/dev_process.ts";
import { freeBasePort } from "../harness/ports.ts";
import { makeTempDir, type TempDir } from "../harness/temp_dir.ts";
import { after, assert, before, describe, it } from "../harness/test.ts";
import { terminate } from "../harness/terminate.ts";
import { until } from "../harness/wait.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

describe("the single binary", () => {
  let folder: TempDir;

  before(() => {
    folder = makeTempDir("binary");
    const bun = join(root, "node_modules", ".bin", "bun");
    const outfile = join(folder.path, "skein");
    execFileSync(bun, ["scripts/build.ts", "--outfile", outfile], { cwd: root, stdio: "ignore" });
  }, { timeout: 240_000 });
  after(() => folder.remove());

  function skein(...words: readonly string[]) {
    const { status, stdout, stderr } = spawnSync("./skein", words, {
      cwd: folder.path,
      encoding: "utf8",
      // Nothing of this machine's tools may be needed.
      env: { PATH: "/nonexistent" },
    });
    return { status, out: stdout, errors: stderr };
  }

  it("needs no file beside it", () => {
    assert.deepEqual(readdirSync(folder.path), ["skein"]);
    const { status, out } = skein("version");
    assert.equal(status, 0);
    assert.match(out, /^skein \d+\.\d+\.\d+ \((?:[0-9a-f]{12}(?:-modified)?|unknown)\), bun /);
  });

  it("starts its worker", () => {
    const { out } = skein("doctor", "-o", "json");
    const findings: readonly { readonly name: string; readonly verdict: string }[] = JSON.parse(
      out,
    );
    assert.equal(findings.find(({ name }) => name === "worker")?.verdict, "ok", out);
    assert.ok(findings.some(({ name }) => name === "fdatasync"));
  });

  it("checks and prints configuration, and completes", () => {
    assert.match(skein("config", "print").out, /^KEY +VALUE +FROM\ncluster_id /);
    assert.equal(skein("config", "check", "none.yaml").status, 1);
    assert.match(skein("completion", "bash").out, /complete -o default -F _skein skein/);
    assert.equal(skein("nonsense").status, 2);
  });

  it("runs a cluster of itself, and speaks to it", { timeout: 240_000 }, async () => {
    const base = await freeBasePort();
    const dev = spawn("./skein", ["dev", "--restart", "--base-port", String(base)], {
      cwd: folder.path,
      env: { PATH: "/nonexistent", ...steadyLeaderEnvironment },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let out = "";
    let code: number | null | undefined;
    dev.stdout.on("data", (chunk) => out += String(chunk));
    dev.once("exit", (status) => code = status);
    try {
      await until(() => out.includes("Ready."), { what: "the cluster" });
      const at = (node: number) => ["--endpoints", `127.0.0.1:${base + 10 * (node - 1)}`];
      assert.equal(skein("put", "a", "hello", ...at(1)).status, 0);
      assert.equal(skein("get", "a", ...at(2)).out, "hello");
      assert.equal(skein("get", "a", "--consistency", "eventual", ...at(3)).status, 0);
      assert.match(skein("ls", ...at(1)).out, /\na +2 +1 +hello\n/);
      assert.match(skein("status", ...at(1)).out, /leader +node [123]\n/);
      assert.match(skein("leader", "transfer", ...at(1)).out, /^node [123] leads\n$/);
      assert.equal(skein("member", "list", ...at(2)).status, 0);
      assert.match(skein("del", "a", ...at(3)).out, /^deleted 1 /);
      assert.equal(skein("get", "a", ...at(1)).status, 3);
      const pid = Number(readFileSync(join(folder.path, "skein-dev/node-2/pid"), "utf8"));
      process.kill(pid, "SIGKILL");
      await until(() => out.includes("node 2 is ready again"), { what: "node 2" });
      assert.equal(skein("put", "a", "there", "--if-absent", ...at(2)).status, 0);
    } finally {
      terminate(dev);
      await until(() => code !== undefined, { what: "the end of dev" });
    }
    assert.equal(code, 0);
  });
});
