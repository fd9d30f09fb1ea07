/** `skein lock`: what runs under it, and when it does not, over the real REST interface. */

import { once } from "node:events";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import type { HttpServer, Runtime } from "../../../src/runtime/mod.ts";
import { type CliOutcome, RecordingTerminal, runCli } from "../../harness/cli.ts";
import { HttpProbe, jsonInit } from "../../harness/http_probe.ts";
import { currentRuntime } from "../../harness/runtime.ts";
import { makeTempDir, type TempDir } from "../../harness/temp_dir.ts";
import { after, afterEach, assert, before, beforeEach, describe, it } from "../../harness/test.ts";
import { until } from "../../harness/wait.ts";

const runtime = await currentRuntime();

let probe: HttpProbe;
let server: HttpServer;
let folder: TempDir;

before(async () => {
  server = await runtime.serveHttp({
    hostname: "127.0.0.1",
    port: 0,
    requestBytesMax: 16 * 1024 * 1024,
    fetch: (request, connection) => probe.app.fetch(request, { connection }),
    onError: (error) => new Response(String(error), { status: 500 }),
  });
});
after(() => server.close(0));
beforeEach(() => {
  probe = new HttpProbe();
  folder = makeTempDir("lock");
});
afterEach(() => folder.remove());

interface Begun {
  readonly outcome: Promise<CliOutcome>;
  readonly terminal: RecordingTerminal;
  /** As a person presses Ctrl-C, or an init system ends it. */
  readonly signal: (signal: "SIGINT" | "SIGTERM") => void;
}

/** `skein lock` with these words; what it runs is a script of the shell. */
function begin(words: readonly string[], script: string): Begun {
  const terminal = new RecordingTerminal();
  let signal: Begun["signal"] = () => {};
  const more: Partial<Runtime> = {
    onSignal(handler) {
      signal = handler;
      return () => {};
    },
    environment: () => ({ PATH: "/usr/bin:/bin", FOLDER: folder.path }),
  };
  const env = { SKEIN_ENDPOINTS: `127.0.0.1:${server.port}`, SKEIN_TIMEOUT: "60s" };
  const outcome = runCli(["lock", ...words, "--", "/bin/sh", "-c", script], {
    ...{ terminal, env, runtime: more },
  });
  return { outcome, terminal, signal: (which) => signal(which) };
}

function said(name: string): string {
  return readFileSync(join(folder.path, name), "utf8").trim();
}

async function exists(name: string): Promise<void> {
  await until(() => existsSync(join(folder.path, name)), { what: `${name} to be written` });
}

/** Nobody holds the lock, or waits for it. */
async function assertFree(name: string): Promise<void> {
  await probe.problem(`GET /v1/locks/${name}`, "404 lock_not_held");
}

/** Somebody else holds it until the returned function is called. */
async function heldByAnother(name: string): Promise<() => Promise<unknown>> {
  const held = await probe.json(
    `POST /v1/locks/${name}`,
    200,
    jsonInit({ ttl: "1h", owner: "another" }),
  );
  return () => probe.json(`DELETE /v1/locks/${name}?token=${held["token"]}`, 200);
}

describe("skein lock", () => {
  it("runs the command while it holds the lock, and passes its exit code on", async () => {
    const script = 'echo "$SKEIN_LOCK_NAME $SKEIN_LOCK_TOKEN" > "$FOLDER/said"; ' +
      'while [ ! -e "$FOLDER/go" ]; do sleep 0.01; done; exit 7';
    const { outcome } = begin(["a/b", "--owner", "me"], script);
    await exists("said");
    await until(() => said("said") !== "", { what: "the token" });
    const seen = await probe.json("GET /v1/locks/a%2Fb", 200);
    assert.equal(said("said"), `a/b ${seen["token"]}`);
    assert.equal(seen["owner"], "me");
    writeFileSync(join(folder.path, "go"), "");
    const { code, errors } = await outcome;
    assert.deepEqual([code, errors], [7, []]);
    await assertFree("a%2Fb");
    assert.deepEqual((await probe.json("GET /v1/leases", 200))["items"], []);
  });

  it("waits until the lock is free", async () => {
    const release = await heldByAnother("a");
    const { outcome } = begin(["a"], 'echo ran > "$FOLDER/said"');
    await until(async () => (await probe.json("GET /v1/locks/a", 200))["waiting"] === 1, {
      what: "somebody to wait",
    });
    assert.equal(existsSync(join(folder.path, "said")), false);
    await release();
    assert.equal((await outcome).code, 0);
    assert.equal(said("said"), "ran");
  });

  it("gives up with 125 when it had to wait for too long", async () => {
    await heldByAnother("a");
    const { code, errors } = await begin(["a", "--wait", "50ms"], "exit 0").outcome;
    assert.equal(code, 125);
    assert.match(errors.join("\n"), /^error: .*another.* \[locked, not_applied\]$/s);
    assert.equal((await probe.json("GET /v1/locks/a", 200))["waiting"], 0);
  });

  it("ends the command, and says 125, when the lease is lost under it", async () => {
    const script = 'trap "echo ended > $FOLDER/ended; exit 0" TERM; ' +
      'echo "$SKEIN_LOCK_LEASE" > "$FOLDER/lease"; while :; do sleep 0.01; done';
    const { outcome } = begin(["a", "--ttl", "3s"], script);
    await exists("lease");
    await until(() => said("lease") !== "", { what: "the lease" });
    await probe.ask(`DELETE /v1/leases/${said("lease")}`);
    const { code, errors } = await outcome;
    assert.equal(code, 125);
    assert.match(errors.join("\n"), /\[lease_not_found, not_applied\]$/);
    assert.equal(said("ended"), "ended");
  });

  it("leaves the line when it is interrupted", async () => {
    await heldByAnother("a");
    const { outcome, signal } = begin(["a"], "exit 0");
    await until(async () => (await probe.json("GET /v1/locks/a", 200))["waiting"] === 1, {
      what: "somebody to wait",
    });
    signal("SIGTERM");
    assert.equal((await outcome).code, 143);
    await until(async () => (await probe.json("GET /v1/locks/a", 200))["waiting"] === 0, {
      what: "nobody to wait",
    });
  });

  it("ends at once when it is interrupted while nobody answers", async () => {
    const silent = createServer(() => {}).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const address = silent.address();
    const port = typeof address === "object" ? address?.port : undefined;
    let signal: Begun["signal"] = () => {};
    const startedMs = performance.now();
    for (const words of [["lock", "a", "--", "true"], ["lease", "keep-alive", "7"]]) {
      const outcome = runCli(words, {
        env: { SKEIN_ENDPOINTS: `127.0.0.1:${port}`, SKEIN_TIMEOUT: "60s" },
        runtime: {
          onSignal(handler) {
            signal = handler;
            return () => {};
          },
        },
      });
      signal("SIGINT");
      assert.equal((await outcome).code, words[0] === "lock" ? 130 : 0);
    }
    assert.ok(performance.now() - startedMs < 30_000);
    silent.close();
  });

  it("passes signals on to the command", async () => {
    const script = 'trap "exit 9" INT; echo up > "$FOLDER/up"; while :; do sleep 0.01; done';
    const { outcome, signal } = begin(["a"], script);
    await exists("up");
    signal("SIGINT");
    assert.equal((await outcome).code, 9);
    await assertFree("a");
  });

  it("passes a hang-up on as well, and frees the lock", async () => {
    const script = 'trap "exit 9" HUP; echo up > "$FOLDER/up"; while :; do sleep 0.01; done';
    const { outcome } = begin(["a"], script);
    await exists("up");
    process.emit("SIGHUP", "SIGHUP");
    assert.equal((await outcome).code, 9);
    await assertFree("a");
    assert.equal(process.listenerCount("SIGHUP"), 0);
  });

  it("names what a lock cannot be called", async () => {
    const env = { SKEIN_ENDPOINTS: "127.0.0.1:1" };
    for (const name of ["", ".", "..", "é".repeat(513)]) {
      const { code, errors } = await runCli(["lock", name, "--", "true"], { env });
      assert.equal(code, 2, name);
      assert.match(errors[0] ?? "", /^error: NAME .*; allowed are 1 to 1024 bytes/);
    }
  });

  it("tells a command that cannot be run as a shell does, and what is missing", async () => {
    const env = { SKEIN_ENDPOINTS: `127.0.0.1:${server.port}` };
    const run = (words: readonly string[]) => runCli(["lock", ...words], { env });
    const script = join(folder.path, "plain");
    writeFileSync(script, "exit 5");
    const unrunnable = [
      ["/no/such/program", 127, /^error: \/no\/such\/program: there is no such program$/],
      [folder.path, 126, /^error: .*: it may not be executed$/],
      [script, 126, /^error: .*: it may not be executed$/],
    ] as const;
    for (const [program, code, said] of unrunnable) {
      const tried = await run(["a", "--", program]);
      assert.equal(tried.code, code, program);
      assert.match(tried.errors.join("\n"), said);
    }
    chmodSync(script, 0o755);
    assert.equal((await run(["a", "--", script])).code, 5, "a script that names no shell");
    await assertFree("a");
    const missing = await run(["a"]);
    assert.equal(missing.code, 2);
    assert.match(missing.errors[0] ?? "", /COMMAND is missing/);
    assert.equal((await run([])).code, 2);
    const nobody = await runCli(["lock", "a", "--timeout", "300ms", "--", "true"], {
      env: { SKEIN_ENDPOINTS: "127.0.0.1:1" },
    });
    assert.equal(nobody.code, 125);
  });
});
